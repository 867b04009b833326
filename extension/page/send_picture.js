// Hands a picture with its words over to the host's img2img or inpaint. The host's page is looked at only when asked to.

import { t } from "./i18n.js";

const PLACES = {
  img2img: { image: "#img2img_image", go: () => window.switch_to_img2img?.() },
  inpaint: { image: "#img2maskimg", go: () => window.switch_to_inpaint?.() },
};

/** `place`: img2img or inpaint; returns what happened, in a sentence. */
export async function sendPicture(place, { address, name, words }) {
  const page = typeof window.gradioApp === "function" ? window.gradioApp() : document;
  const { image, go } = PLACES[place];
  const holder = page.querySelector(image);
  const field = holder?.querySelector("input[type=file]");
  const prompt = page.querySelector("#img2img_prompt textarea");
  if (!field || !prompt) return t("The host's img2img tab was not found: save the picture and open it there.");
  const reply = await fetch(address, { credentials: "same-origin" });
  if (!reply.ok) return t("The picture can't be read: {name}", { name });
  const content = await reply.blob();
  const carrier = new DataTransfer();
  carrier.items.add(new File([content], name, { type: content.type || "image/png" }));
  holder.querySelector("button[aria-label=Clear],button[aria-label^=Remove]")?.click();
  field.files = carrier.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  prompt.value = words;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  go();
  const control = page.querySelector("#img2img_controlnet, #controlnet, [id^=img2img_controlnet]");
  return control
    ? t("It is in the host's img2img tab now, with its words; ControlNet is there too.")
    : t("It is in the host's img2img tab now, with its words.");
}
