import type { PackageUse } from './imports.ts';

/** The parts of the project's own `package.json` that the published one takes over. */
export interface ProjectManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** How a tenant comes by a package that the helper uses. */
type Provision = 'dependency' | 'peer' | 'optional peer';

/** Every package that the published helper may use. The build fails on any other. */
export const PROVISIONS: Readonly<Record<string, Provision>> = {
  '@aws-sdk/client-dynamodb': 'dependency',
  // Types of the SDK's middleware, in the declarations. The SDK depends on it too.
  '@smithy/types': 'dependency',
  // The tenant's own client is governed: there must be one copy.
  '@aws-sdk/client-bedrock-runtime': 'peer',
  '@aws-sdk/client-eventbridge': 'optional peer',
  '@aws-sdk/client-lambda': 'optional peer',
  '@aws-sdk/client-resource-groups-tagging-api': 'optional peer',
  '@aws-sdk/client-secrets-manager': 'optional peer',
  '@aws-sdk/client-ssm': 'optional peer',
};

/**
 * The oldest versions that the helper was run with, where they are older than those of this project. An app has its own version of
 * the SDK, often pinned: a range that begins at ours would keep the helper out of every app that is not as new.
 */
const OLDEST: readonly (readonly [name: RegExp, version: string])[] = [
  // Its clients give up a request that is not answered (`throwOnRequestTimeout`); the ones that the helper makes rely on it.
  [/^@aws-sdk\//, '3.939.0'],
  [/^@smithy\/types$/, '4.9.0'],
];

/** Packages whose code is copied into the bundle, because that loads faster; see ADR 9. */
export const INLINED: readonly string[] = ['temporal-polyfill', 'temporal-utils', 'valibot', 'zod'];

/**
 * The published `package.json`. What it depends on is what is used, no more.
 *
 * @throws an Error that names a package which is used in another way than {@link PROVISIONS} says
 */
export function publishedManifest(project: ProjectManifest, uses: readonly PackageUse[]): object {
  for (const { name, kind } of uses) {
    const provision = PROVISIONS[name];
    if (provision === undefined)
      throw new Error(`The helper uses ${name}, which is not declared: see PROVISIONS in infra/publish/manifest.ts.`);
    if (provision === 'optional peer' && kind === 'static')
      throw new Error(
        `The helper imports ${name} at once, which a tenant need not have: use import() where it is needed.`,
      );
  }
  const provided = (...provisions: Provision[]) => {
    const names = [...new Set(uses.map(({ name }) => name))].sort();
    return names.filter((name) => provisions.some((provision) => PROVISIONS[name] === provision));
  };
  const range = (name: string): string => {
    const version = project.dependencies[name] ?? project.devDependencies[name];
    if (version === undefined) throw new Error(`package.json does not name ${name}, which the helper uses.`);
    return `^${OLDEST.find(([names]) => names.test(name))?.[1] ?? version}`;
  };
  const ranges = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, range(name)]));
  return {
    name: project.name,
    version: project.version,
    description: project.description,
    license: project.license,
    type: 'module',
    engines: project.engines,
    sideEffects: false,
    // For what knows no exports: TypeScript with moduleResolution node10.
    main: './index.cjs',
    types: './index.d.cts',
    exports: {
      '.': {
        import: { types: './index.d.ts', default: './index.js' },
        require: { types: './index.d.cts', default: './index.cjs' },
      },
      './package.json': './package.json',
    },
    files: ['*.js', 'index.cjs', 'index.d.ts', 'index.d.cts', 'THIRD-PARTY-LICENSES.txt'],
    dependencies: ranges(provided('dependency')),
    peerDependencies: ranges(provided('peer', 'optional peer')),
    peerDependenciesMeta: Object.fromEntries(provided('optional peer').map((name) => [name, { optional: true }])),
  };
}
