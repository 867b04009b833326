"""Our own translations: every sentence that a user can see, in the language that webui is set to.

A language is a file `<language>.json` here, {English: translation}; `translate.language_of` says for which of webui's names it
stands. The tests list what it lacks, what nobody says any more, and what it forgot of a sentence's values.
"""
