// The right of one worker to change the state of a job. It is lost when another worker claims the job, because the state
// can be written only with the number of the write before.
import { randomUUID } from "node:crypto";
import { planHash, type SweepJob } from "./job-message.ts";
import { claimed, type JobState, queued } from "./job-state.ts";
import type { SweepStore } from "./store.ts";

export class Lease {
  readonly id: string;
  readonly #store: SweepStore;
  readonly #job: SweepJob;
  #state: JobState;
  #revision: number;
  #isLost = false;
  /** Changes are made one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(store: SweepStore, job: SweepJob, id: string, state: JobState, revision: number) {
    this.#store = store;
    this.#job = job;
    this.id = id;
    this.#state = state;
    this.#revision = revision;
  }

  /** Takes a job. Returns its state if there is nothing to do, because it has ended. */
  static async claim(store: SweepStore, job: SweepJob, worker: string): Promise<Lease | JobState> {
    const { sweep } = job;
    const { id } = job.job;
    const plan = planHash(job);
    const lease = randomUUID();
    for (;;) {
      const { state: found, revision: last } = await store.latest(sweep, id);
      const before = found?.plan === plan ? found : queued(plan, undefined);
      const { state, starts } = claimed(before, worker, lease);
      if (!starts && state === before) return state;
      const revision = await store.write(sweep, id, state, last);
      if (revision === undefined) continue;
      return starts ? new Lease(store, job, lease, state, revision) : state;
    }
  }

  get state(): JobState {
    return this.#state;
  }

  /** Whether another worker has the job. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Changes the state. Returns whether this worker still has the job; otherwise nothing was changed. */
  update(change: (state: JobState) => JobState): Promise<boolean> {
    const next = this.#last.then(() => this.#update(change));
    this.#last = next.catch(() => {});
    return next;
  }

  async #update(change: (state: JobState) => JobState): Promise<boolean> {
    if (this.#isLost) return false;
    const { sweep } = this.#job;
    const { id } = this.#job.job;
    for (;;) {
      const state = change(this.#state);
      const revision = await this.#store.write(sweep, id, state, this.#revision);
      if (revision !== undefined) {
        [this.#state, this.#revision] = [state, revision];
        return true;
      }
      // A write of this worker, whose answer was lost, may have been followed by this one.
      const now = await this.#store.read(sweep, id);
      if (now?.state.lease !== this.id) {
        this.#isLost = true;
        return false;
      }
      this.#revision = now.revision;
    }
  }
}
