// What the browser tests share: the system under test (system.py), a browser that reaches loopback only, and waiting.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = name => fileURLToPath(new URL(name, import.meta.url));

// Polls until `condition` gives something true, which is returned; fails naming `what`.
export async function until(what, condition, deadlineMs = 15000, stepMs = 50) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await new Promise(resolve => setTimeout(resolve, stepMs));
  }
}

export class System {
  // Starts every program; `name` is the folder below build/browser. `replay` false: nothing comes but what is produced. `plain`
  // true: no city has a hostile name.
  static async start(name, replay = true, plain = false) {
    const system = new System();
    system.child = spawn('/usr/bin/python3', [here('system.py'), name], { stdio: ['pipe', 'pipe', 'inherit'] });
    system.lines = createInterface({ input: system.child.stdout })[Symbol.asyncIterator]();
    Object.assign(system, await system.do('start', { replay, plain }));
    system.url = `http://127.0.0.1:${system.port}/`;
    return system;
  }

  async do(what, more = {}) {
    this.child.stdin.write(`${JSON.stringify({ do: what, ...more })}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${what}: the system is gone`);
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`${what}: ${answer.error}`);
    return answer;
  }

  async stop() {
    const ended = new Promise(resolve => this.child.once('exit', resolve));
    this.child.stdin.end();
    await ended;
  }
}

// A browser whose pages are watched: what they asked of other hosts, what the policy blocked, what they complained of.
export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
    });
    browser.foreign = [];
    browser.violations = [];
    browser.complaints = [];
    return browser;
  }

  // A page in a context of its own. `quiet` true: complaints are not kept (the server is taken away on purpose).
  async page({ quiet = false, ...options } = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options });
    await context.route(url => url.hostname !== '127.0.0.1', route => { this.foreign.push(route.request().url()); route.abort(); });
    await context.exposeFunction('reportViolation', text => this.violations.push(text));
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', e => globalThis.reportViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
      globalThis.alert = () => { globalThis.alerted = true; };
    });
    const page = await context.newPage();
    page.on('request', request => { if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) this.foreign.push(request.url()); });
    if (!quiet) {
      page.on('console', message => { if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text()); });
    }
    page.on('pageerror', error => this.complaints.push(error.stack));
    page.on('dialog', dialog => { this.complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    return page;
  }

  async stop() {
    await this.chromium.close();
  }
}
