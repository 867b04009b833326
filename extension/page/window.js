// The page's place in the window: its height, and whether anybody sees it.

const LOWEST = 460;
const MARGIN = 8;

/** Gives the page the window's height below where it begins, so that its columns scroll and its top bar stays. */
export function fitHeight(root) {
  const fit = () => {
    if (!root.offsetParent && getComputedStyle(root).position !== "fixed") return; // its tab is not shown
    const top = root.getBoundingClientRect().top + window.scrollY;
    const { paddingTop, paddingBottom } = getComputedStyle(root);
    const around = Math.max(MARGIN, parseFloat(paddingTop) + parseFloat(paddingBottom));
    const height = `${Math.max(LOWEST, Math.floor(window.innerHeight - top - around))}px`;
    if (root.style.getPropertyValue("--lw-height") !== height) root.style.setProperty("--lw-height", height);
  };
  fit();
  window.addEventListener("resize", fit);
  new IntersectionObserver(fit).observe(root);
}

/** Tells when the page comes into sight or goes out of it: nobody needs live figures of a page that is not seen. */
export function watchVisible(root, tell, signal) {
  let inSight = true;
  const look = () => tell(inSight && document.visibilityState === "visible");
  const observer = new IntersectionObserver((entries) => {
    inSight = entries[entries.length - 1].isIntersecting;
    look();
  });
  observer.observe(root);
  document.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  look();
}
