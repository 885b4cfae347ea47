// The bench's side: starts a process and asks it.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Answers, MARK, type Request } from "./protocol.ts";

/** A process that is to be timed. */
export interface Launch {
  /** Name in tables and messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Environment variables beside the bench's own. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Waiting {
  resolve(reply: string): void;
  reject(error: Error): void;
}

type Reply<C extends Request["command"]> = { readonly answer: Answers[C] } | { readonly error: string };

/** The last lines that a process wrote, for the message when it dies. */
const TAIL = 20;

/** A running process that answers one request after another. It idles in between. */
export class Child {
  /** Name in tables and messages. */
  readonly name: string;
  private readonly process: ChildProcess;
  private readonly input: Writable;
  private readonly lines: Interface;
  private readonly tail: string[] = [];
  private waiting: Waiting | undefined;
  private ended: Error | undefined;

  /** Starts it. */
  constructor({ name, command, args, env = {} }: Launch) {
    this.name = name;
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.process = child;
    this.input = child.stdin;
    this.lines = createInterface({ input: child.stdout });
    this.lines.on("line", (line) => this.take(line));
    this.listen(child.stderr);
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.end(new Error(`${name}: ${command} did not start: ${error.message}`)));
    child.on("close", (code, signal) =>
      this.end(new Error([`${name} ended (${signal ?? `exit code ${code}`})`, ...this.tail].join("\n  "))),
    );
  }

  /**
   * Asks and waits for the answer.
   * @throws Error with the process's own words if it cannot, or if it died
   */
  async ask<C extends Request["command"]>(request: Extract<Request, { readonly command: C }>): Promise<Answers[C]> {
    if (this.ended !== undefined) throw this.ended;
    const line = new Promise<string>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
    this.input.write(`${JSON.stringify(request)}\n`);
    const reply: Reply<C> = JSON.parse(await line);
    if ("error" in reply) throw new Error(`${this.name}: ${reply.error}`);
    return reply.answer;
  }

  /** Lets it end; resolves when it has. */
  async stop(): Promise<void> {
    if (this.ended !== undefined) return;
    const closed = new Promise<void>((resolve) => this.process.once("close", () => resolve()));
    this.input.end();
    const late = setTimeout(() => this.process.kill("SIGKILL"), 5000);
    await closed;
    clearTimeout(late);
  }

  private take(line: string): void {
    if (!line.startsWith(MARK)) {
      this.note(line);
      return;
    }
    this.waiting?.resolve(line.slice(MARK.length));
    this.waiting = undefined;
  }

  private listen(stream: Readable): void {
    createInterface({ input: stream }).on("line", (line) => this.note(line));
  }

  private note(line: string): void {
    this.tail.push(line);
    if (this.tail.length > TAIL) this.tail.shift();
  }

  private end(reason: Error): void {
    this.ended ??= reason;
    this.waiting?.reject(reason);
    this.waiting = undefined;
  }
}
