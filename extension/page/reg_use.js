// Whether the training uses the pictures: a finished set is taken into the project once, and can be left out again.

import { h, setText, show } from "./dom.js";
import { shortPath } from "./format.js";
import { t } from "./i18n.js";
import { button } from "./parts.js";
import { isDrawing, regValues } from "./reg_plan.js";
import { everyJob, jobPath, newestFirst } from "./runs.js";

/** Where a set of ours was finished, the project trains with it from then on, whatever tab is open. */
export function takeFinishedSets({ api, store }) {
  let asking = "";
  const look = async () => {
    const { project } = store;
    if (!project) return;
    const own = everyJob(store).filter((job) => job.kind === "reg" && job.state === "done" && job.project === project.name);
    const newest = newestFirst(own)[0];
    if (!newest || newest.id <= regValues(store).taken || newest.id === asking) return; // ids begin with their time
    asking = newest.id;
    try {
      const { options } = await api.get(jobPath(newest));
      if (store.project?.name !== project.name) return;
      store.change({ settings: { reg_data_dir: options.out }, reg: { taken: newest.id } });
    } catch (error) {
      store.say(error.message);
    } finally {
      asking = "";
    }
  };
  for (const topic of ["jobs", "opened"]) store.on(topic, look);
}

/** The line that says what the training uses; `chosen()` is the folder that could be used, "" where nothing is in it. */
export function regUse(app, chosen) {
  const { store } = app;
  const words = h("span", { id: "lw-reg-use" });
  const use = (folder) => () => store.change({ settings: { reg_data_dir: folder() } });
  const take = button(t("Train with them"), use(chosen), { kind: "lw-small lw-strong", id: "lw-reg-take" });
  const leave = button(
    t("Train without them"),
    use(() => null),
    { kind: "lw-small", id: "lw-reg-leave" },
  );
  const look = () => {
    const used = store.project?.settings?.reg_data_dir ?? "";
    const could = chosen();
    const same = used && used === could;
    const soon = !same && regValues(store).way !== "folder" && isDrawing(store);
    setText(words, soon ? t("The training uses them once they are finished.") : useWords(used, same));
    words.title = used;
    show(take, could && !same && !soon);
    show(leave, used);
  };
  return { element: h("div", { class: "lw-line lw-reg-use" }, words, take, leave), look };
}

function useWords(used, same) {
  if (!used) return t("The training uses no regularization pictures.");
  if (same) return t("The training uses these pictures.");
  return t("The training uses other ones: {folder}", { folder: shortPath(used) });
}
