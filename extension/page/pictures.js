// The dataset's pictures as the server lists them, fetched in pages as far as they are looked at.

const PAGE = 200;

export function createPictures({ api, store }) {
  const listeners = new Set();
  let folder = "";
  let round = 0; // counts reloads: answers of an older one are dropped
  const pages = new Map();
  const list = {
    count: 0,
    captioned: 0,
    error: "",
    get folder() {
      return folder;
    },
    on: (listener) => listeners.add(listener),

    open(wanted) {
      if (wanted === folder) return;
      folder = wanted;
      pages.clear();
      Object.assign(list, { count: 0, captioned: 0, error: "" });
      list.reload();
    },

    /** Asks anew for what is there; what is shown stays until the answers come. */
    reload() {
      round += 1;
      for (const page of pages.values()) page.fresh = false;
      if (folder) fetchPage(0);
      else tell();
    },

    /** The picture at a place, {name, caption}, or null while it is fetched. */
    at(index) {
      const number = Math.floor(index / PAGE);
      const page = pages.get(number);
      if (!page?.fresh && page?.asked !== round) fetchPage(number);
      return page?.pictures?.[index % PAGE] ?? null;
    },
  };

  const tell = () => listeners.forEach((listener) => listener());

  async function fetchPage(number) {
    const own = round;
    const page = pages.get(number) ?? { pictures: null, fresh: false, asked: 0 };
    page.asked = own;
    pages.set(number, page);
    try {
      const answer = await api.get("pictures", { folder, offset: number * PAGE, limit: PAGE });
      if (own !== round) return;
      Object.assign(list, { count: answer.count, captioned: answer.captioned, error: "" });
      Object.assign(page, { pictures: answer.pictures, fresh: true });
    } catch (error) {
      if (own !== round) return;
      list.error = error.message;
      page.fresh = true; // asked again with the next reload, not at each look
    } finally {
      if (page.asked === own) page.asked = 0;
    }
    tell();
  }

  return list;
}
