import { suggest } from "../base/expect.ts";
import type { Settings } from "./config.ts";

/**
 * The names that other libraries and papers have for our settings, in lower case without hyphens and underscores. Errors
 * suggest ours. They are not accepted as settings, because a number may mean something else under another name.
 */
const otherNames: Partial<Record<keyof Settings, string>> = {
  actorHiddenSizes:
    "hidden hiddensize hiddensizes hiddenlayers hiddenunits hiddendim hiddendims units layers netarch policykwargs ackwargs fcunits actorhidden actorlayers actorunits actorsizes",
  criticHiddenSizes:
    "hidden hiddensize hiddensizes hiddenlayers hiddenunits hiddendim hiddendims units layers netarch policykwargs ackwargs fcunits critichidden criticlayers criticunits criticsizes",
  actorActivations: "activation activations activationfn activationfunction nonlinearity actoractivation",
  criticActivations: "activation activations activationfn activationfunction nonlinearity criticactivation",
  initialization: "init initializer weightinit kernelinitializer initialisation",
  finalLayerBound: "initw finalinit lastlayerinit",
  actorLearningRate: "lr learningrate alpha stepsize actorlr lractor pilr policylr policylearningrate lrpi lrmu",
  criticLearningRate: "lr learningrate stepsize criticlr lrcritic qlr lrq qlearningrate valuelr beta",
  adamBeta1: "beta1 betas adambetas b1",
  adamBeta2: "beta2 betas adambetas b2",
  adamEpsilon: "adameps eps epsilon",
  criticWeightDecay: "weightdecay l2 l2reg decay criticl2reg criticl2",
  decoupledWeightDecay: "weightdecay adamw adamwdecay decoupleddecay wd",
  criticGradientClip: "gradclip clipgrad clipgradnorm gradientclip gradientclipping maxgradnorm gradnorm",
  preactivationPenalty: "preactivweight preactivationweight pretanhpenalty actionpenalty actionl2",
  critics: "ncritics numcritics twincritics doubleq numqs nq",
  actorDelay: "policydelay policyfreq policyfrequency actorfreq actorupdateinterval delay delayedupdates",
  targetNoiseScale: "policynoise targetnoise targetpolicynoise targetpolicysmoothing smoothing",
  targetNoiseClip: "noiseclip policynoiseclip",
  criticLoss: "loss lossfn huber distributional c51 categorical",
  criticAtoms: "atoms natoms numatoms nbins numbins bins",
  criticSupport: "support vmax vmin supportmax valuerange",
  discount: "gamma discountfactor discountrate",
  replayPriority: "per prioritized prioritizedreplay priority replaytype",
  priorityExponent: "peralpha prioritizedreplayalpha priorityalpha",
  priorityFloor: "pereps prioritizedreplayeps minpriority",
  importanceExponent: "perbeta prioritizedreplaybeta prioritizedreplaybeta0 prioritybeta",
  importanceAnnealSteps: "prioritizedreplaybetaiters betaannealsteps",
  returnSteps: "nstep nsteps nstepreturn nstepreturns multistep rewardsteps",
  softUpdateRate:
    "tau softtau targetupdaterate targetupdatetau softtargettau polyak polyakcoefficient softupdate targetupdate",
  batchSize: "batch minibatch minibatchsize batchsizes nbatch",
  replayCapacity:
    "buffersize replaysize replaybuffersize replaybuffer memorysize memory memorycapacity buffercapacity capacity maxsize maxlen",
  warmupSteps:
    "learningstarts startsteps starttimesteps randomsteps warmup warmuptimesteps burnin updateafter initialsteps explorationsteps nbstepswarmup",
  updateEvery: "trainfreq trainfrequency trainevery updatefreq updatefrequency learnevery",
  updatesPerStep:
    "gradientsteps utd utdratio updatetodata updatetodataratio trainsteps nupdates numupdates replayratio",
  normalization:
    "batchnorm bn normalize usebatchnorm layernorm layernormalization uselayernorm ln norm normtype normlayer",
  layerNormEpsilon: "lneps layernormeps",
  batchNormEpsilon: "bneps batchnormeps bnepsilon",
  batchNormKeep: "momentum bnmomentum batchnormmomentum",
  noise: "noisetype actionnoise noiseclass explorationnoisetype",
  noiseScale:
    "sigma ousigma noisesigma noisestd noisestddev actnoise explnoise explorationnoise actionnoise std stddev",
  noiseTheta: "theta outheta",
  noiseMean: "mu oumu noisemu",
  noiseTimeStep: "dt oudt noisedt",
  noiseAnnealSteps: "noisedecay noisedecaysteps epsilondecay annealsteps explorationfraction",
  noiseFinalFraction: "finalnoise noiseend sigmamin sigmaend",
  observationScale: "obsscale statescale observationscaling",
  observationOffset: "obsoffset observationmean obsmean stateoffset",
  rewardScale: "rewardscaling rewardfactor scalereward",
  observationNormalization:
    "normalizeobservations normalizeobs normobs obsnorm obsnormalization normalizeobservation observationnorm runningmeanstd",
  rewardNormalization: "normalizerewards normalizereward normreward rewardnorm returnnormalization",
};

/** What to add to a suggestion, because the other name's number is not ours. */
const notes: Readonly<Record<string, string>> = {
  polyak: " It is 1 − polyak.",
  polyakcoefficient: " It is 1 − polyak.",
  momentum: " It is the fraction that an update keeps.",
};

/**
 * Returns `Did you mean "…"?` with the settings that other libraries call by this name; "" if there are none. `shown`
 * converts a setting's name to the form that the user types.
 */
export function settingByOtherName(name: string, shown: (setting: keyof Settings) => string): string {
  const plain = plainName(name);
  const same = settings.filter((setting) => otherNames[setting]?.split(" ").includes(plain));
  if (same.length === 0) return "";
  return `Did you mean ${same.map((setting) => `"${shown(setting)}"`).join(" or ")}?${notes[plain] ?? ""}`;
}

/** Returns a suggestion for a name that is no setting's: by its other names, else the most similar one of `names`. */
export function suggestSetting(name: string, names: readonly string[]): string {
  const same = names.find((setting) => plainName(setting) === plainName(name));
  return same ? `Did you mean "${same}"?` : settingByOtherName(name, (setting) => setting) || suggest(name, names);
}

const settings = Object.keys(otherNames) as (keyof Settings)[];

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}
