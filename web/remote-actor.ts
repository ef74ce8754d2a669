// Acts for a learner on another machine, in the worker: what `ddpg act` is in a terminal.
import { InputError, messageOf, show } from "../src/base/expect.ts";
import { letMacrotasksRun } from "../src/base/macrotask.ts";
import type { ServerAddress } from "../src/base/nats-address.ts";
import type { Environment } from "../src/environment/environment.ts";
import type { Scene } from "../src/environment/scene.ts";
import { Acting } from "../src/training/actors/acting.ts";
import { ActorLink, defaultFlow } from "../src/training/actors/actor-link.ts";
import type { FrameRow } from "../src/training/actors/frame.ts";
import { Brake } from "./brake.ts";
import { taskOf, tasks } from "./experiment.ts";
import { connectToNats, type Login } from "./nats.ts";
import { bodyAfter, shownBy } from "./scenes.ts";
import type { Body } from "./source.ts";
import { StepRate } from "./step-rate.ts";

/** What the user asks for. */
export interface ActOrder {
  readonly address: ServerAddress;
  readonly login: Login;
  readonly channel: string;
  /** The size of the noise; null for the learner's. */
  readonly noiseScale: number | null;
  /** A multiple of the task's own speed. */
  readonly speed: number;
}

/** Messages from the page. The first one is an order. */
export type ToActor = { readonly act: ActOrder } | { readonly speed: number } | "pull" | "stop";

/** Messages to the page: an answer to each "pull", and one at the end. */
export type FromActor = { readonly news: ActorNews } | { readonly failed: string };

export interface ActorNews {
  readonly phase: "connecting" | "joining" | "loading" | "acting" | "stopping" | "ended" | "stopped";
  readonly isLost: boolean;
  /** Whether the learner is silent, although the page waits for it. */
  readonly isAlone: boolean;
  /** The learner's run and its task, once they are known. */
  readonly run: string;
  readonly task: string;
  /** The noise in words. */
  readonly noise: string;
  /** How many transitions the server has acknowledged, and how many of them a second. */
  readonly sent: number;
  readonly perSecond: number;
  /** The number of updates of the weights that act. */
  readonly version: number;
  /** The learner's updates for each time step; NaN before its first one. */
  readonly ratio: number;
  /** Of the last episode that ended; NaN before. */
  readonly return: number;
  /** The last thing that needs attention; "" for none. */
  readonly line: string;
  readonly body: Body | null;
  /** What the body is drawn from in 3D: only in the first message that has a body. */
  readonly parts: ActorParts | null;
}

export type ActorParts = Pick<Scene, "shapes" | "camera" | "stepSeconds">;

class RemoteActor {
  readonly #order: ActOrder;
  readonly #rate = new StepRate();
  #phase: ActorNews["phase"] = "connecting";
  #isStopped = false;
  #isLost = false;
  #link: ActorLink | undefined;
  #acting: Acting | undefined;
  #environment: Environment | undefined;
  #brake: Brake | undefined;
  #speed: number;
  #run = "";
  #task = "";
  #noise = "";
  #line = "";
  #acted = 0;
  #length = 0;
  #sum = 0;
  #return = Number.NaN;
  #last: FrameRow | undefined;
  #hasSentParts = false;

  constructor(order: ActOrder) {
    this.#order = order;
    this.#speed = order.speed;
  }

  async run(): Promise<void> {
    const { address, login, channel } = this.#order;
    const server = await connectToNats(address, login, `ddpg page ${channel}`, (isLost) => {
      this.#isLost = isLost;
    });
    const link = new ActorLink({
      ...{ server, actor: newId(), where: server.address, channel, ...defaultFlow },
      onLine: (line) => {
        this.#line = line;
      },
    });
    this.#link = link;
    try {
      await this.#act(link);
    } finally {
      // An older line would be taken for one about what the server did not take.
      if (!this.#isStopped) this.#line = "";
      // What is left is sent, and the learner hears that the episode ends here.
      await link.close();
    }
    this.#phase = link.hasEnded ? "ended" : "stopped";
  }

  async #act(link: ActorLink): Promise<void> {
    this.#phase = "joining";
    // The page ends the worker of an actor that is stopped before it acts.
    const isStopped = (): boolean => false;
    const task = await link.join(spacesHere, "this page's task", isStopped);
    if (!task) return;
    const name = task.environment;
    this.#task = name;
    this.#phase = "loading";
    const weights = await link.firstWeights(isStopped);
    if (!weights) return;
    const { noiseScale } = this.#order;
    const environment = await taskOf({ task: name }).create();
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const acting = await Acting.create(task, environment, { seed, name, ...(noiseScale !== null && { noiseScale }) });
    acting.take(weights, "weights");
    [this.#acting, this.#environment, this.#run] = [acting, environment, task.run];
    const { noise, noiseScale: learners } = task.settings;
    this.#noise = `noise ${noise} of size ${noiseScale ?? `${learners}, the learner's`}`;
    const brake = new Brake(shownBy(environment).stepSeconds, this.#speed, true);
    this.#brake = brake;
    brake.restart(0);
    this.#line = "";
    this.#phase = "acting";
    for await (const row of acting.rows()) {
      if (this.#isStopped || link.hasEnded) return;
      this.#took(row);
      const room = link.add(row, acting.version);
      if (room) await room;
      const problem = acting.hear(link.takeWeights(), link.progress?.step ?? 0);
      if (problem) this.#line = problem;
      const pace = brake.wait(this.#acted);
      if (pace) await pace;
      const turn = letMacrotasksRun();
      if (turn) await turn;
    }
  }

  #took(row: FrameRow): void {
    if (this.#length === 0) this.#sum = 0;
    this.#acted++;
    this.#length++;
    this.#sum += row.reward;
    this.#last = row;
    if (!row.terminated && !row.truncated) return;
    this.#return = this.#sum;
    this.#length = 0;
  }

  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#brake?.setSpeed(speed);
  }

  stop(): void {
    this.#isStopped = true;
    // Neither the pace nor the window is waited for.
    this.#brake?.setSpeed(Infinity);
    this.#line = "";
    if (this.#phase === "acting") void this.#link?.close();
    this.#phase = "stopping";
  }

  /** What the last line says: once the actor has ended, what the server did not take. */
  get line(): string {
    return this.#line;
  }

  get news(): ActorNews {
    const progress = this.#link?.progress;
    const sent = this.#link?.sentRows ?? 0;
    return {
      ...{ phase: this.#phase, isLost: this.#isLost, isAlone: this.#link?.isAlone === true },
      ...{ run: this.#run, task: this.#task, noise: this.#noise, line: this.#line },
      ...{ sent, perSecond: this.#rate.at(sent), version: this.#acting?.version ?? 0 },
      ratio: progress && progress.step > 0 ? progress.updates / progress.step : Number.NaN,
      return: this.#return,
      body: this.#body(),
      parts: this.#parts(),
    };
  }

  #body(): Body | null {
    if (!this.#environment || !this.#last) return null;
    const { nextObservation: observation, action } = this.#last;
    const step = { step: this.#acted, observation, action };
    const body = bodyAfter(this.#environment, shownBy(this.#environment), step);
    return body && { ...body, path: [] };
  }

  #parts(): ActorParts | null {
    if (!this.#environment || !this.#last || this.#hasSentParts) return null;
    this.#hasSentParts = true;
    const { shapes, camera, stepSeconds } = shownBy(this.#environment);
    return { shapes, camera, stepSeconds };
  }
}

/** The sizes and bounds of a task by its name. Throws an InputError if this page does not have it. */
function spacesHere(task: string): ReturnType<typeof taskOf> {
  if (tasks.includes(task)) return taskOf({ task });
  throw new InputError(
    `The learner trains ${show(task)}, and this page does not have that task. In a terminal, ddpg act can act for it.`,
  );
}

/** 32 random hexadecimal digits. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let actor: RemoteActor | undefined;

/** Takes a message of the page. */
export function hear(message: ToActor): void {
  if (typeof message === "object" && "act" in message) {
    const started = new RemoteActor(message.act);
    actor = started;
    started.run().then(
      () => send({ news: started.news }),
      (error: unknown) => send({ failed: `${messageOf(error)} ${started.line}`.trim() }),
    );
  } else if (message === "pull") {
    if (actor) send({ news: actor.news });
  } else if (message === "stop") actor?.stop();
  else actor?.setSpeed(message.speed);
}

function send(message: FromActor): void {
  postMessage(message);
}
