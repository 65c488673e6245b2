# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work on several things at once. PRIVATE to the collection."""

from __future__ import annotations

import os
import queue
import threading


def map_in_threads(function, items, workers=None):
    """{item: function(item)} from parallel threads of at most `workers` (default: two more than processors).

    The first exception is raised after all threads have ended; items not begun by then are skipped.
    """
    waiting, results, failures = queue.SimpleQueue(), {}, []
    for item in items:
        waiting.put(item)

    def work():
        while not failures:
            try:
                item = waiting.get_nowait()
                results[item] = function(item)
            except queue.Empty:
                return
            except BaseException as error:
                failures.append(error)

    count = min(waiting.qsize(), workers or (os.cpu_count() or 1) + 2)
    threads = [threading.Thread(target=work) for dummy in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
