"""What happens to an upload: limits, date, place, store, catalogue, receipts. Knows no HTTP.

The words, one per thing, in code, page, docs and log:

*library*: the whole store of accepted media. *item*: one accepted file. *origin*: who sends
(account or address, and the program). *batch*: the files of one origin counted together against
the *limits*. *reservation*: room held before bytes arrive. *incoming*: an upload being received.
*staging*: where its bytes lie. *capture date*. *placement*: the folder and name chosen. *alias*:
the path in `Upload` that goes on answering for an item. *placeholder*: a name announced by an
empty PUT or a LOCK. *litter*: `._x`, `.DS_Store`, `Thumbs.db`, `desktop.ini`. *receipt*.
*refusal*. *catalogue*.
"""
