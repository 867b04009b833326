// What this window remembers over a reload: the open tab, filters, the picture and run looked at. Settings are the server's.

const PREFIX = "lora_workbench.";

export function remember(name, value) {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    return; // storage is switched off: the page works, it only forgets
  }
}

export function recall(name, otherwise = null) {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}
