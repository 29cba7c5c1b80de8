"""Work on datasets that are there already, without Django: more mags, other formats and codecs,
comparing, exporting. Commands and jobs call these.
"""
