// Hands a picture with its words over to the host's img2img, inpaint or ControlNet. The host's page is looked at only when asked to.

import { t } from "./i18n.js";
import { tell } from "./parts.js";

const UPLOADED = 4; // the place of "Inpaint upload" among img2img's ways
const PLACES = {
  img2img: { image: "#img2img_image", go: () => window.switch_to_img2img?.() },
  inpaint: { image: "#img2maskimg", go: () => window.switch_to_inpaint?.() },
  masked: { image: "#img_inpaint_base", mask: "#img_inpaint_mask", go: () => window.switch_to_img2img_tab?.(UPLOADED) },
  controlnet: { image: "[id*=txt2img_controlnet][id$=_input_image]", go: () => window.switch_to_txt2img?.() },
};
const PATIENCE = 3000; // ms until a cleared field takes another file

/** `place`: one of PLACES; `mask`: a data address, for `masked`. Returns what happened, in a sentence. */
export async function sendPicture(place, { address, name, words, mask = null }) {
  const page = typeof window.gradioApp === "function" ? window.gradioApp() : document;
  const { image, mask: maskPlace, go } = PLACES[place];
  const holder = page.querySelector(image);
  const maskHolder = maskPlace && page.querySelector(maskPlace);
  const prompt = page.querySelector(place === "controlnet" ? "#txt2img_prompt textarea" : "#img2img_prompt textarea");
  const missing = !holder || !prompt || (maskPlace && !maskHolder);
  if (missing && place === "controlnet") return t("ControlNet was not found in the host's txt2img tab: save the picture and open it there.");
  if (missing) return t("The host's img2img tab was not found: save the picture and open it there.");
  const reply = await fetch(address, { credentials: "same-origin" });
  if (!reply.ok) return t("The picture can't be read: {name}", { name });
  const put = await filled(holder, await reply.blob(), name);
  const masked = !maskHolder || (await filled(maskHolder, blobOf(mask), name.replace(/\.\w+$/, "-mask.png")));
  if (!put || !masked) return t("The host takes no picture there just now: take away the one that lies there, and send this one again.");
  prompt.value = words;
  prompt.dispatchEvent(new Event("input", { bubbles: true }));
  go();
  if (place === "controlnet") return t("It is in ControlNet's first unit in the txt2img tab now, with its words: enable that and choose what it is to keep.");
  if (place === "masked") return t("It is in the host's inpaint upload now, with its mask and words.");
  const control = page.querySelector("#img2img_controlnet, #controlnet, [id^=img2img_controlnet]");
  return control
    ? t("It is in the host's img2img tab now, with its words; ControlNet is there too.")
    : t("It is in the host's img2img tab now, with its words.");
}

/** The same, told in `line`, which is brought into sight: what can't be handed over is said below the pictures. */
export async function sendAndTell(line, place, what) {
  tell(line, await sendPicture(place, what));
  line.scrollIntoView({ block: "nearest" });
}

/** Puts a file into one of the host's picture fields, in place of what lies there; whether it was taken. */
async function filled(holder, content, name) {
  holder.querySelector("button[aria-label=Clear],button[aria-label^=Remove]")?.click();
  for (const end = performance.now() + PATIENCE; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const field = holder.querySelector("input[type=file]"); // there is none while a picture lies there
    if (field) {
      const carrier = new DataTransfer();
      carrier.items.add(new File([content], name, { type: content.type || "image/png" }));
      field.files = carrier.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    }
    if (performance.now() > end) return false;
  }
}

function blobOf(dataAddress) {
  const bytes = Uint8Array.from(atob(dataAddress.split(",")[1]), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
