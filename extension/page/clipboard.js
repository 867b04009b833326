// Copies a text, and says whether that worked.

import { t } from "./i18n.js";

/** `field` holds the text and is selected, so that Ctrl+C does it where the browser forbids it to us. */
export async function copyFrom(field) {
  field.select();
  const done = navigator.clipboard
    ? await navigator.clipboard.writeText(field.value).then(
        () => true,
        () => false,
      )
    : document.execCommand("copy");
  return done ? t("Copied.") : t("The browser forbids copying; press Ctrl+C.");
}
