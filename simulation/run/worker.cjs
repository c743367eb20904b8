/** Runs seeds in a thread of its own, in whichever bundle of the product it is given: see bundle.ts. */
const Module = require('node:module');
const { join } = require('node:path');
const { parentPort, workerData } = require('node:worker_threads');

const loaded = new Map();

/** The SDK's packages, with commands that say what they ask for and no more: nobody runs their middleware. */
const packages = new Map();

function withPlainCommands(name, exported) {
  const known = packages.get(name);
  if (known !== undefined) return known;
  const plain = { ...exported };
  for (const command of Object.keys(exported))
    if (/^[A-Z]\w+Command$/.test(command)) plain[command] = plainCommand(command);
  packages.set(name, plain);
  return plain;
}

const plainCommand = (name) =>
  ({
    [name]: class {
      constructor(input) {
        this.input = input ?? {};
      }
    },
  })[name];

function load({ name, code }) {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const file = join(workerData.root, `${name}.simulation.cjs`);
  const made = new Module(file);
  made.filename = file;
  made.paths = Module._nodeModulePaths(workerData.root);
  const { require } = made;
  made.require = (id) => {
    const exported = require.call(made, id);
    return id.startsWith('@aws-sdk/client-') ? withPlainCommands(id, exported) : exported;
  };
  made._compile(code, file);
  // One mutant comes after the other, and none comes again.
  loaded.clear();
  loaded.set(name, made.exports);
  return made.exports;
}

parentPort.on('message', ({ id, bundle, request }) => {
  Promise.resolve()
    .then(() => load(bundle).runSeeds(request))
    .then(
      (outcomes) => parentPort.postMessage({ id, outcomes }),
      (error) => parentPort.postMessage({ id, error: error?.stack ?? String(error) }),
    );
});
