// A hundred thousand pictures: every bucket has its height from the start, the near ones are filled.
const NEAR = "1500px 0px";
const GAP = 6;
const SETTLED = 60; // ms
const keyOf = (bucket) => bucket.querySelector("a").search.slice("?part=".length);

export function watchBuckets(gallery) {
  const buckets = [...gallery.querySelectorAll("[data-n]")];
  const heads = new Map(buckets.map((bucket) => [bucket, bucket.firstElementChild]));
  for (const bucket of buckets) bucket.style.minHeight = `${estimate(bucket, gallery.clientWidth)}px`;
  const wanted = new Set();
  let settling;
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) wanted.add(target);
      else { wanted.delete(target); empty(target, heads.get(target)); }
    }
    clearTimeout(settling); // who drags the scroll bar over years asks for none of them
    settling = setTimeout(() => { for (const bucket of wanted) fill(bucket); }, SETTLED);
  }, { rootMargin: NEAR });
  for (const bucket of buckets) near.observe(bucket);
  followYears(buckets);
  let pinned = null; // what a link leads to stays in view while the buckets above it grow
  const pin = () => {
    pinned = buckets.find((bucket) => `#${bucket.id}` === yearTarget(location.hash)) ?? null;
    pinned?.scrollIntoView();
  };
  addEventListener("hashchange", pin);
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"])
    addEventListener(kind, () => { pinned = null; }, { passive: true });
  pin();

  async function fill(bucket) {
    if (bucket.dataset.state) return;
    bucket.dataset.state = "asked";
    try {
      const reply = await fetch(`${gallery.dataset.timeline}?part=${keyOf(bucket)}`, { headers: { "X-Fragment": "1" } });
      if (!reply.ok) throw new Error(reply.status);
      const text = await reply.text();
      if (bucket.dataset.state !== "asked") return; // left the view meanwhile
      bucket.insertAdjacentHTML("beforeend", text);
      bucket.dataset.state = "full";
      bucket.style.minHeight = "";
      pinned?.scrollIntoView();
    } catch {
      bucket.dataset.state = ""; // asked for again when it comes near again
    }
  }

  function empty(bucket, head) {
    if (bucket.dataset.state !== "full" || bucket.querySelector(":checked, :focus-within")) {
      if (bucket.dataset.state === "asked") bucket.dataset.state = "";
      return;
    }
    bucket.style.minHeight = `${bucket.offsetHeight}px`;
    bucket.replaceChildren(head);
    bucket.dataset.state = "";
  }
}

// A picture is one and a half rows wide on average; a day begins a row of its own.
function estimate(bucket, width) {
  const row = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 180;
  const count = Number(bucket.dataset.n);
  const rows = Math.ceil((count * (row * 1.4 + GAP)) / width);
  const days = Math.min(count, 20);
  return 48 + Math.max(rows, days) * (row + GAP) + days * 32;
}

function yearTarget(hash) {
  if (!/^#y\d+$/.test(hash)) return hash;
  return document.getElementById(hash.slice(1))?.getAttribute("href") ?? hash;
}

function followYears(buckets) {
  const links = new Map([...document.querySelectorAll(".scrubber a")].map((link) => [link.textContent, link]));
  const seen = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.classList.remove("here");
      links.get(keyOf(target).slice(0, 4))?.classList.add("here");
    }
  }, { rootMargin: "-80px 0px -85% 0px" });
  for (const bucket of buckets) seen.observe(bucket);
}
