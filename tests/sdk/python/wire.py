"""A wire to the gateway that can be cut: a relay on the loopback address. Nothing here knows the SDK."""

import contextlib
import socket
import threading

UP, DOWN = "up", "down"


class Wire:
    """Passes bytes on, counts them each way, and after `cut` is dead until it is mended."""

    def __init__(self, port):
        self.target = port
        self.passed = {UP: 0, DOWN: 0}
        self.limit = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self, way, after):
        """Lets `after` more bytes pass that way, then none either way."""
        with self.lock:
            self.passed = {UP: 0, DOWN: 0}
            self.limit = {way: after}

    def mend(self):
        """Passes everything again, and counts from zero."""
        with self.lock:
            self.passed = {UP: 0, DOWN: 0}
            self.limit = {}

    def close(self):
        self.listener.close()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if self._is_dead():
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                for way, source, sink in [(UP, near, far), (DOWN, far, near)]:
                    threading.Thread(target=self._pass, args=(way, source, sink), daemon=True).start()

    def _is_dead(self):
        with self.lock:
            return any(self.passed[way] >= most for way, most in self.limit.items())

    def _pass(self, way, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(16_384):
                with self.lock:
                    self.passed[way] += len(data)
                if self._is_dead():
                    break
                sink.sendall(data)
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
