"""Our own translations: every sentence that a user can see, in the language that webui is set to."""
