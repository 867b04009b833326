// Loads the page when its tab is first opened; until then it costs nothing.

(() => {
  let watched = null;

  function load(root) {
    const page = new URL(root.dataset.page, document.baseURI);
    if (!document.getElementById("lw-style")) {
      const style = document.createElement("link");
      style.id = "lw-style";
      style.rel = "stylesheet";
      style.href = new URL("page.css", page).href;
      document.head.append(style);
    }
    import(new URL("main.js", page).href)
      .then((main) => main.mount(root))
      .catch((error) => {
        root.textContent = `LoRA Workbench could not be loaded: ${error.message}`;
      });
  }

  function watch() {
    const root = document.getElementById("lw-root");
    if (!root || root === watched) return;
    watched = root;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      load(root);
    });
    observer.observe(root);
  }

  onUiLoaded(watch);
})();
