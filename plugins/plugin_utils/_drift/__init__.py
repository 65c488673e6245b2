# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts are otherwise than planned, as one document and for its readers. Pure. PRIVATE to the collection.

answer: what the tasks of one host returned -> that host's part.  document: all hosts' parts -> drift.json.
text, markdown, junit: the document for a terminal, for people, for continuous integration.  words: a change in a few
words, for all three.
"""
