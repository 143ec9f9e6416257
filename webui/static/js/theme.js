// Runs before the page is painted, so that a dark page never flashes white.
{
  const root = document.documentElement;
  root.classList.add("script");
  if (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches)
    root.dataset.bsTheme = "dark";
}
