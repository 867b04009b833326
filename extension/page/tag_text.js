// Tags as people type them: between commas, also those of Chinese and Japanese keyboards.

const COMMA = /[,，、]/;

export const tagsOf = (text) => text.split(COMMA).flatMap((tag) => tag.trim() || []);

/** Where the last tag of the text begins: behind its last comma. */
export const lastTagAt = (text) => text.length - text.split(COMMA).pop().length;
