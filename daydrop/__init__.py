"""What happens to an upload: limits, date, place, store, catalogue, receipts. Knows no HTTP.

The glossary: one word for each thing, in code, pages, documents and log.

An upload, on its way in:

*origin*: who sends, an account or an address, and the program it uses.
*announcement*: what is known of an upload before its bytes arrive.
*batch*: the files of one origin counted together against the *limits*.
*reservation*: room held in a batch before bytes arrive.
*incoming*: an upload being received. *staging*: where its bytes lie until they are filed.
*refusal*: a code and a sentence that says what to do next.
*receipt*: what became of an upload, where it went and why.

What is kept:

*library*: the whole store of accepted media. *item*: one accepted photo or video.
*photo*, *video*: what an item is, by its bytes; a video is one in whatever container.
*companion*: a file that describes a photo or video and lies beside it: `.xmp .aae .thm .srt .json`.
*shot*: the files of one moment that belong together: a photo, its RAW, its video, companions.
*stem*: a name without its extension, compared without regard to case.
*scope*: where files must have come together to be of one shot: a folder of `Upload`, a batch.
*capture date*: when a photo or video was taken, by the clock on the wall there.
*candidate*: a date that a file tells, before the rule chooses one.
*placement*: the folder and name chosen for an item. *tree*: the dated folders.
*trash*: where deleted items lie for some days.
*catalogue*: the index of all of this, in rows.

What a drive sees in `Upload`:

*alias*: a path that goes on answering for an item, wherever it was filed.
*placeholder*: a name announced by an empty PUT or a LOCK.
*litter*: what programs leave beside files: `._x`, `.DS_Store`, `Thumbs.db`, `desktop.ini`.
"""
