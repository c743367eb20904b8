import { Fault } from '../domain/fault.ts';
import { namesOf } from './sdk-names.ts';

/*
 * Clients of AWS that few programs need: loaded when they are used, and installed by who uses them. Each `import()` stands in
 * a `try` of its own: there a bundler leaves out a package that is not installed, and anywhere else it gives up.
 */

export async function eventBridgeSdk() {
  try {
    return namesOf(await import('@aws-sdk/client-eventbridge'));
  } catch (cause) {
    throw missing('@aws-sdk/client-eventbridge', cause);
  }
}

export async function lambdaSdk() {
  try {
    return namesOf(await import('@aws-sdk/client-lambda'));
  } catch (cause) {
    throw missing('@aws-sdk/client-lambda', cause);
  }
}

export async function taggingSdk() {
  try {
    return namesOf(await import('@aws-sdk/client-resource-groups-tagging-api'));
  } catch (cause) {
    throw missing('@aws-sdk/client-resource-groups-tagging-api', cause);
  }
}

export async function secretsManagerSdk() {
  try {
    return namesOf(await import('@aws-sdk/client-secrets-manager'));
  } catch (cause) {
    throw missing('@aws-sdk/client-secrets-manager', cause);
  }
}

export async function ssmSdk() {
  try {
    return namesOf(await import('@aws-sdk/client-ssm'));
  } catch (cause) {
    throw missing('@aws-sdk/client-ssm', cause);
  }
}

const missing = (name: string, cause: unknown): Fault =>
  new Fault('PackageMissing', {
    doing: `loading ${name}`,
    problem: 'it is not installed, or was not when the program was bundled',
    next: `Run \`npm install ${name}\`, and bundle the program anew.`,
    cause,
  });
