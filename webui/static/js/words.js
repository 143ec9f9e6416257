// The page's words, in the language that the server chose.
const texts = JSON.parse(document.getElementById("words").textContent);
const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);
const UNITS = ["B", "KB", "MB", "GB", "TB"];

export function t(key, facts = {}) {
  const text = (facts.n === 1 && texts[`${key}.one`]) || texts[key] || key;
  return text.replace(/\{(\w+)\}/g, (_, name) =>
    typeof facts[name] === "number" ? number.format(facts[name]) : facts[name] ?? "");
}

export function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < UNITS.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  const digits = bytes < 10 && unit ? 1 : 0;
  return `${number.format(Number(bytes.toFixed(digits)))} ${UNITS[unit]}`;
}

export function duration(seconds) {
  const s = Math.max(1, Math.round(seconds));
  if (s < 60) return t("up.eta_s", { s });
  if (s < 3600) return t("up.eta_m", { m: Math.floor(s / 60), s: s % 60 });
  return t("up.eta_h", { h: Math.floor(s / 3600), m: Math.round((s % 3600) / 60) });
}
