"""How uploads come in: chunks into files, archives unpacked, and what it is that came.

`names` checks what a sender calls things, `chunk_store` keeps the chunks, `unpacking` opens
archives, `tidying` and `recognising` turn a heap of files into a dataset's folder. These know no
Django; what may be uploaded by whom is for the services.
"""
