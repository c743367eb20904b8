import type { Metafile } from 'esbuild';

/** How the published helper gets at a package that it uses. */
export interface PackageUse {
  readonly name: string;
  /** `static`: loaded with the helper; `lazy`: by `import()` when needed; `types`: named in declarations only. */
  readonly kind: 'static' | 'lazy' | 'types';
}

/** What esbuild left as imports of packages. Modules of Node are part of Node. */
export function importsOfBundle({ outputs }: Metafile): PackageUse[] {
  return Object.values(outputs).flatMap(({ imports }) =>
    imports
      .filter(({ external, path }) => external === true && !path.startsWith('node:'))
      .map(({ path, kind }): PackageUse => {
        return { name: packageName(path), kind: kind === 'dynamic-import' ? 'lazy' : 'static' };
      }),
  );
}

/** Packages whose code esbuild copied into the bundle. */
export function inlinedPackages({ outputs }: Metafile): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const names = files.flatMap((file) => {
    const [, inPackage] = file.split('node_modules/').slice(-2);
    return inPackage === undefined ? [] : [packageName(inPackage)];
  });
  return [...new Set(names)].sort();
}

/** `@scope/name/deep/path` → `@scope/name`. */
export function packageName(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
