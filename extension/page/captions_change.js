// What is shown after captions were changed: a filter may leave less than before, and what was changed should not vanish.

import { count } from "./format.js";
import { t } from "./i18n.js";

/** Asks anew; of the pictures that were shown, those that the filter leaves no longer stay in sight until it is set again. */
export async function afterChange(model) {
  const [filter, listing] = [model.filter, model.listing];
  const shown = model.numbers ?? Array.from({ length: model.pictures }, (_, number) => number);
  await model.refresh();
  if (!filter || model.only || model.wrong || model.listing !== listing || filter !== model.filter) return;
  const fitting = new Set(model.numbers ?? shown);
  const gone = shown.filter((number) => !fitting.has(number)).length;
  if (gone === 1) await model.look(t("1 of these no longer fits the filter, since it was changed."), shown);
  else if (gone) {
    const words = t("{count} of these no longer fit the filter, since they were changed.", { count: count(gone) });
    await model.look(words, shown);
  }
}
