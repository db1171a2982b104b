/**
 * The import table of docs/architecture.md as rules. Each lib is entered by its index.ts only; nothing goes in circles.
 * The pure libs (raft, state-machine, linearizability) import nothing but themselves: no Node built-ins, no packages.
 */
const lib = (name) => `^libs/${name}/`;
const otherThan = (...allowed) => `^(?!${allowed.join('|')})`;
const ADAPTER_SET_UP = '^apps/server/src/cluster/(socketio-peer-transport|postgres-log-store|memory-log-store)\\.ts$';
const TEST_FILE = '\\.test\\.ts$|/test-support/';

const mayImportOnly = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: TEST_FILE },
  to: { path: otherThan(...allowed), dependencyTypesNot: ['core'] },
});

const noBuiltIns = (name, from) => ({
  name: `${name}-no-built-ins`,
  comment: 'Pure code reaches neither Node nor the outside world.',
  severity: 'error',
  from: { path: from, pathNot: TEST_FILE },
  to: { dependencyTypes: ['core'] },
});

const npm = (...names) => names.map((name) => `node_modules/(@types/)?${name}(/|$)`);

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'enter-libs-by-index',
      comment: "What a lib's index.ts does not export is its own business.",
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/', pathNot: TEST_FILE },
      to: { path: '^(libs)/([^/]+)/', pathNot: ['^$1/$2/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    mayImportOnly('raft-pure', lib('raft'), ['libs/raft/'], 'The Raft core imports nothing but itself.'),
    noBuiltIns('raft', lib('raft')),
    mayImportOnly(
      'state-machine-pure',
      lib('state-machine'),
      ['libs/state-machine/'],
      'The state machine imports nothing but itself.',
    ),
    noBuiltIns('state-machine', lib('state-machine')),
    mayImportOnly(
      'linearizability-pure',
      lib('linearizability'),
      ['libs/linearizability/'],
      'The checker imports nothing but itself.',
    ),
    noBuiltIns('linearizability', lib('linearizability')),
    mayImportOnly(
      'replica-owns-ports',
      lib('replica'),
      ['libs/replica/', 'libs/raft/'],
      'The driver knows Raft and its own ports.',
    ),
    noBuiltIns('replica', lib('replica')),
    mayImportOnly(
      'lessor',
      lib('lessor'),
      ['libs/lessor/', 'libs/replica/', 'libs/state-machine/'],
      'Counting leases needs a clock, a log to propose to and the state that lists them.',
    ),
    noBuiltIns('lessor', lib('lessor')),
    mayImportOnly(
      'storage-memory',
      lib('storage-memory'),
      ['libs/storage-memory/', 'libs/replica/', 'libs/raft/'],
      'Adapters know ports, not each other.',
    ),
    mayImportOnly(
      'storage-postgres',
      lib('storage-postgres'),
      ['libs/storage-postgres/', 'libs/replica/', 'libs/raft/', ...npm('typeorm', 'pg', 'reflect-metadata')],
      'Adapters know ports, not each other.',
    ),
    mayImportOnly(
      'transport-socketio',
      lib('transport-socketio'),
      [
        'libs/transport-socketio/',
        'libs/replica/',
        'libs/raft/',
        ...npm('socket\\.io', 'socket\\.io-client', 'engine\\.io', '@socket\\.io'),
      ],
      'Adapters know ports, not each other.',
    ),
    mayImportOnly('backup', lib('backup'), ['libs/backup/'], 'A file format: the server writes it, the CLI checks it.'),
    mayImportOnly(
      'contracts',
      lib('contracts'),
      ['libs/contracts/', ...npm('class-validator', 'class-transformer')],
      'The client wire stands alone.',
    ),
    mayImportOnly(
      'conformance',
      lib('conformance'),
      [
        'libs/conformance/',
        'libs/raft/',
        'libs/replica/',
        'libs/state-machine/',
        'libs/linearizability/',
        ...npm('vitest', 'fast-check'),
      ],
      'Suites know ports, never adapters.',
    ),
    mayImportOnly(
      'simulator',
      lib('simulator'),
      [
        'libs/simulator/',
        'libs/raft/',
        'libs/replica/',
        'libs/state-machine/',
        'libs/lessor/',
        'libs/linearizability/',
        'apps/sdk/',
      ],
      'The simulator replaces adapters; it never runs them.',
    ),
    mayImportOnly(
      'sdk-is-light',
      '^apps/sdk/',
      ['apps/sdk/', 'libs/contracts/', ...npm('socket\\.io-client', 'engine\\.io-client', 'msgpackr', '@nestjs')],
      'What an application must install to use Latchkey stays small.',
    ),
    {
      name: 'sdk-contracts-types-only',
      comment: 'Types vanish when compiled; class-validator must not come along.',
      severity: 'error',
      from: { path: '^apps/sdk/', pathNot: TEST_FILE },
      to: { path: '^libs/contracts/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sdk-nest-only-under-nest',
      severity: 'error',
      from: { path: '^apps/sdk/', pathNot: '^apps/sdk/src/nest/' },
      to: { path: 'node_modules/@nestjs' },
    },
    {
      name: 'server-never-imports-clients',
      severity: 'error',
      from: { path: '^apps/server/', pathNot: TEST_FILE },
      to: { path: '^(apps/(sdk|cli|bench|demo)|libs/(conformance|linearizability))/' },
    },
    {
      name: 'clients-never-import-server',
      comment:
        'cli, bench and demo reach a node by its wire or as a process. The file of a backup is a wire, too; what they have recorded they may have checked.',
      severity: 'error',
      from: { path: '^apps/(cli|bench|demo)/' },
      to: { path: '^(apps/server|libs/(?!(contracts|backup|linearizability)/))' },
    },
    {
      name: 'adapters-chosen-in-one-place',
      comment:
        'Which store and transport a node uses is decided in apps/server/src/cluster/adapters.ts alone; each adapter has one file that sets it up.',
      severity: 'error',
      from: { path: '^apps/server/', pathNot: [TEST_FILE, '^apps/server/src/cluster/adapters[.]ts$'] },
      to: { path: ADAPTER_SET_UP },
    },
    {
      name: 'adapters-set-up-in-their-files',
      severity: 'error',
      // The parser of the client wire reads Socket.IO's text packets as the peers' does, and sets nothing up.
      from: { path: '^apps/server/', pathNot: [TEST_FILE, ADAPTER_SET_UP, '/client-packet-parser\\.ts$'] },
      to: { path: '^libs/(storage-|transport-)' },
    },
    {
      name: 'nest-in-adapters-only-in-modules',
      severity: 'error',
      from: { path: '^libs/', pathNot: '\\.module\\.ts$' },
      to: { path: 'node_modules/@nestjs' },
    },
    {
      name: 'no-dev-dependency-in-production',
      severity: 'error',
      // The clients of what Latchkey is measured against are installed with its sources only.
      from: { path: '^(apps|libs)/', pathNot: [TEST_FILE, '^libs/conformance/', '^apps/bench/src/peers/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'not-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
