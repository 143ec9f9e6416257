// The viewer over the pictures of the page; without it their links lead to the item's page.
import PhotoSwipeLightbox from "../../vendor/photoswipe/photoswipe-lightbox.esm.min.js";
import { t } from "../words.js";

export function viewing(gallery) {
  const links = () => [...gallery.querySelectorAll(".tile > a")];
  const lightbox = new PhotoSwipeLightbox({
    pswpModule: () => import("../../vendor/photoswipe/photoswipe.esm.min.js"),
    bgOpacity: 0.94,
    closeTitle: t("gal.close"), zoomTitle: t("gal.zoom"), arrowPrevTitle: t("gal.previous"), arrowNextTitle: t("gal.following"),
    errorMsg: t("gal.failed"),
    showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "zoom",
  });
  let shown = [];
  lightbox.addFilter("numItems", () => shown.length);
  lightbox.addFilter("itemData", (_, index) => slide(shown[index]));
  lightbox.addFilter("thumbEl", (thumb, data) => data.link?.querySelector("img") ?? thumb);
  lightbox.on("contentLoad", (event) => {
    if (event.content.data.type !== "film") return;
    event.preventDefault();
    event.content.element = film(event.content.data);
  });
  lightbox.on("contentDeactivate", ({ content }) => content.element?.querySelector?.("video")?.pause());
  lightbox.on("uiRegister", () => {
    bar(lightbox, "details", t("gal.details"), 7, (link) => link.href);
    bar(lightbox, "download", t("gal.download"), 8, (link) => link.dataset.path, true);
  });
  lightbox.on("afterInit", () => lightbox.pswp.element.setAttribute("aria-label", t("gal.viewer")));
  lightbox.init();

  gallery.addEventListener("click", (event) => {
    const link = event.target.closest(".tile > a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    shown = links();
    lightbox.loadAndOpen(shown.indexOf(link), { gallery });
  });
}

function slide(link) {
  const picture = link.querySelector("img");
  const data = { link, alt: picture.alt, msrc: picture.currentSrc || picture.src, w: Number(link.dataset.w), h: Number(link.dataset.h) };
  return "video" in link.dataset ? { ...data, type: "film" } : { ...data, src: link.dataset.full };
}

function film({ link, alt, msrc }) {
  const box = document.createElement("div");
  box.className = "pswp__film";
  const video = document.createElement("video");
  Object.assign(video, { controls: true, playsInline: true, preload: "metadata", poster: msrc, src: link.dataset.path });
  video.setAttribute("aria-label", alt);
  box.append(video);
  return box;
}

function bar(lightbox, name, text, order, address, isDownload = false) {
  lightbox.pswp.ui.registerElement({
    name, order, isButton: false, appendTo: "bar", tagName: "a",
    className: "pswp__bar-link",
    onInit: (element, pswp) => {
      element.textContent = text;
      if (isDownload) element.setAttribute("download", "");
      pswp.on("change", () => { element.href = address(pswp.currSlide.data.link); });
    },
  });
}
