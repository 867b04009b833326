"""Makes extension/languages/zh_TW.json from zh_CN.json: Taiwan's letters and words by OpenCC, then our own terms.

    python -m pip install opencc
    python tests/extension/languages/make_zh_tw.py

OpenCC is needed for this alone. Run it when sentences were added; without that they stay English there.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ROOT / "extension" / "languages"
GLOSSARY = ROOT / "trainer_core" / "guide" / "data" / "glossary.json"
# After OpenCC: where it takes a word in another sense than it has here.
TERMS = {
    "引數": "參數", "質量": "品質", "視訊記憶體": "顯示記憶體", "文本": "文字", "通過": "透過", "許可權": "權限",
    "指令碼": "指令稿", "地址": "位址", "潛變數": "潛在變數", "型別": "類型", "列表": "清單", "示例": "範例",
    "“": "「", "”": "」", "‘": "『", "’": "』",
}  # fmt: skip
PLACEHOLDER = re.compile(r"\{\w*\}")


def main() -> int:
    """Writes the file; 1 where a sentence would lose a value's place."""
    from opencc import OpenCC

    convert = OpenCC("s2twp").convert

    def taiwan(text: str) -> str:
        made = convert(text)
        for word, better in TERMS.items():
            made = made.replace(word, better)
        return made

    chinese = json.loads((LANGUAGES / "zh_CN.json").read_text(encoding="utf-8"))
    texts = {english: taiwan(text) for english, text in chinese.items()}
    for term in json.loads(GLOSSARY.read_text(encoding="utf-8"))["terms"]:
        texts.setdefault(term["term"], taiwan(term["term_zh"]))
        texts.setdefault(term["en"], taiwan(term["zh"]))
    wrong = [key for key in chinese if PLACEHOLDER.findall(texts[key]) != PLACEHOLDER.findall(chinese[key])]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    content = json.dumps(texts, ensure_ascii=False, indent=1) + "\n"
    (LANGUAGES / "zh_TW.json").write_text(content, encoding="utf-8")
    print(f"{len(texts)} sentences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
