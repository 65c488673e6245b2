# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the data plane whether packets pass: ping and TCP from inside namespaces. PRIVATE to the collection.

A listener answers every TCP connection with the address that it came from and with its own name. So one
connection proves reachability, which source address the far end sees (the proof of a source NAT), and who
it is that answers (where addresses overlap).

ask: many questions at the same time.  question: one of each kind.  listen: who answers.  routes: when who asks can.
"""
