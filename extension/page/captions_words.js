// The check's findings in words, by their codes.

import { count } from "./format.js";
import { t } from "./i18n.js";

/** The sentence of a finding; what has no words here yet comes as the server says it. */
export function finding(one, { first, limit }) {
  const values = { count: count(one.count), first, limit };
  const sentences = {
    "no-caption": () => t("Pictures without a caption: {count}", values),
    empty: () => t("Captions that hold nothing: {count}", values),
    shared: () => t("Pictures that share another one's caption file (rename one of the two): {count}", values),
    orphan: () => t("Captions without a picture: {count}", values),
    encoding: () => t("Captions in another encoding than UTF-8 (look whether their letters are right): {count}", values),
    escapes: () => t("Captions with backslashes before brackets, which belong to prompts: {count}", values),
    "wide-commas": () => t("Captions with wide commas (， 、), which separate no tags in a training: {count}", values),
    repeated: () => t("Captions with a tag more than once: {count}", values),
    "activation-tag": () =>
      first
        ? t("Captions in which {first} is not first: {count}", values)
        : t("Captions that begin otherwise than most: {count}", values),
    "no-activation": () =>
      t(
        "No word of its own begins the captions, so that none calls the LoRA: write one above, such as a name. A style needs none.",
      ),
    contradiction: () => t("Pairs of tags that can hardly both be right: {count}", values),
    "minority-colour": () => t("Captions with another colour than nearly all others: {count}", values),
    everywhere: () => t("Tags in every caption: {count}. {why}", { count: values.count, why: ofItself(first) }),
    "nearly-everywhere": () => t("Tags in nearly every caption: {count}. {why}", { count: values.count, why: ofItself(first) }),
    once: () => t("Tags in one caption only, too few to be learned, often a slip: {count}", values),
    "no-pose": () => t("Captions that say nothing of the pose: {count}", values),
    "no-view": () => t("Captions that say nothing of the view: {count}", values),
    "no-expression": () => t("Captions that say nothing of the expression: {count}", values),
    "no-background": () => t("Captions that say nothing of the background: {count}", values),
    "too-long": () => t("Captions of more than {limit} tokens, of which the rest is not read: {count}", values),
  };
  return sentences[one.code]?.() ?? one.message;
}

const ofItself = (first) =>
  t("Take out what makes the subject itself, so that {first} comes to stand for it; the rest can't be switched off later.", {
    first: first || t("the activation tag"),
  });
