// What is missing before the first run, one button that mends it, and its lines while it works.

import { doctorParts } from "./doctor.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { button, disable, errorLine, sign } from "./parts.js";

export function setupView({ api, store }) {
  const line = errorLine();
  const wrong = h("p", { class: "lw-setup-wrong" });
  const missing = h("div", { class: "lw-line" }, sign("warning"), wrong);
  const failed = h("p", { class: "lw-setup-wrong" });
  const log = h("pre", { class: "lw-log", tabindex: "0", "aria-label": t("What the set-up says") });
  const { buttons, found } = doctorParts(api, line, false);
  const start = button(
    t("Set up"),
    async () => {
      await api.post("setup");
      store.takeEvents({ setup: { running: true, failed: "" } });
    },
    { line, kind: "lw-primary" },
  );
  const instead = h("p", { class: "lw-why", id: "lw-setup-withheld", hidden: true });
  const working = h(
    "p",
    { role: "status" },
    t("Setting up: packages are being downloaded. This page goes on by itself when all is there."),
  );

  const look = () => {
    const { setup } = store.state;
    setText(wrong, asSentence(setup.wrong) || t("The part that trains is not installed yet."));
    show(missing, !setup.running);
    setText(failed, asSentence(setup.failed) || t("The set-up did not finish."));
    show(failed, setup.failed && !setup.running);
    setText(start, setup.failed ? t("Set up again") : t("Set up"));
    show(start, !setup.running);
    const withheld = store.state.withheld?.setup;
    disable(start, withheld);
    const here = t("Or run `python install.py setup` in this extension's folder on the server.");
    setText(instead, withheld && [withheld, here].join(" "));
    show(instead, withheld && !setup.running);
    show(working, setup.running);
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    setText(log, (setup.lines ?? []).join("\n"));
    show(log, setup.lines?.length);
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  store.on("state", look);
  look();

  const element = h(
    "section",
    { class: "lw-setup" },
    h("h2", {}, t("Set-up")),
    h(
      "p",
      {},
      t("Training and tagging run in an environment of their own, so nothing of webui is changed. It has to be made once."),
    ),
    missing,
    failed,
    h("div", { class: "lw-line" }, start, buttons),
    instead,
    line,
    working,
    log,
    found,
  );
  return { element, shown: look };
}

function asSentence(value) {
  return typeof value === "string" ? value : "";
}
