// A wire to the gateway that can be cut: a relay on the loopback address. Nothing here knows the SDK.
'use strict';

const net = require('node:net');

/** Passes bytes on, counts them each way, and after `cut` is dead until it is mended. */
class Wire {
  static async open(target) {
    const wire = new Wire(target);
    await new Promise((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    wire.port = wire.server.address().port;
    return wire;
  }

  constructor(target) {
    this.target = target;
    this.mend();
    this.server = net.createServer((near) => {
      if (this.#isDead()) return near.destroy();
      const far = net.connect(this.target, '127.0.0.1');
      this.#pass('up', near, far);
      this.#pass('down', far, near);
    });
  }

  /** Lets `after` more bytes pass that way ('up' or 'down'), then none either way. */
  cut(way, after) {
    this.mend();
    this.limit = { [way]: after };
  }

  /** Passes everything again, and counts from zero. */
  mend() {
    this.passed = { up: 0, down: 0 };
    this.limit = {};
  }

  close() {
    this.server.close();
  }

  #isDead() {
    return Object.entries(this.limit).some(([way, most]) => this.passed[way] >= most);
  }

  #pass(way, source, sink) {
    source.on('data', (data) => {
      this.passed[way] += data.length;
      if (this.#isDead()) {
        source.destroy();
        sink.destroy();
      } else if (!sink.write(data)) {
        source.pause();
        sink.once('drain', () => source.resume());
      }
    });
    source.on('end', () => sink.end());
    source.on('error', () => sink.destroy());
    source.on('close', () => sink.destroySoon());
  }
}

module.exports = { Wire };
