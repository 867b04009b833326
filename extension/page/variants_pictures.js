// Every picture of a folder, asked for page by page.

const PAGE = 500;
const MOST = 20_000;

/** {pictures, error}; those found before an error, or before nobody wants them any more, are there. */
export async function everyPicture(api, folder, isWanted) {
  const pictures = [];
  try {
    for (let count = 1; folder && pictures.length < Math.min(count, MOST) && isWanted(); ) {
      const answer = await api.get("pictures", { folder, offset: pictures.length, limit: PAGE });
      pictures.push(...answer.pictures);
      count = answer.pictures.length ? answer.count : 0;
    }
  } catch (error) {
    return { pictures, error: error.message };
  }
  return { pictures, error: "" };
}
