// A database that is attacked: an app's own objects beside Keepwatch, a victim's session, and a look at all that an attack could leave behind.
import { closeDatabase, createDatabase, type Database } from '../../../../src/db/database.ts';
import { ensureRoles } from '../../../../src/db/roles.ts';
import { RULES_PASSWORD } from '../../../support/rules-role.ts';

export interface AttackedSite {
  /** As superuser. */
  readonly database: Database;
  /** As keepwatch_rules, one session. */
  readonly rules: Database;
  harden(): Promise<void>;
  /** Everything that an attack could change: equal before and after. */
  traces(): Promise<object>;
  close(): Promise<void>;
}

const APP_OBJECTS = `
  create table public.app_data (a int, b text);
  insert into public.app_data values (1, 'secret');
  create view public.app_view as select * from public.app_data;
  create view public.app_public as select a from public.app_data;
  grant select on public.app_public to public;
  create sequence public.app_sequence;
  create domain public.app_domain as text;
  create function public.write_it(n int default 1) returns int language sql as $$ insert into public.app_data values (n, 'x') returning 1 $$;
  create function public.define_it(n int default 1) returns text language sql security definer stable as $$ select b from public.app_data limit 1 $$;
  create function public.whole_row(m keepwatch.observability_metrics) returns int language sql as $$ insert into public.app_data values (2, 'x') returning 1 $$;
  create function public.compare(a int, b int) returns text language sql security definer stable as $$ select b from public.app_data limit 1 $$;
  create operator public.@@@ (leftarg = int, rightarg = int, function = public.compare);
`;
const TRACES = `
  select (select count(*) from pg_class)::int as relations, (select count(*) from pg_proc)::int as functions, (select count(*) from pg_roles)::int as roles,
    (select count(*) from pg_largeobject_metadata)::int as large_objects, (select count(*) from public.app_data)::int as app_rows,
    (select count(*) from keepwatch.observability_metrics)::int as events, (select count(*) from keepwatch.sources)::int as sources,
    (select count(*) from keepwatch.alert_group)::int as groups, (select last_value || ' ' || is_called from public.app_sequence) as app_sequence,
    (select last_value || ' ' || is_called from keepwatch.alert_transition_id_seq) as sequence,
    (select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()))::int as locks,
    (select count(*) from pg_prepared_xacts)::int as prepared, (select count(*) from pg_replication_slots)::int as slots,
    (select count(*) from pg_db_role_setting)::int as settings, (select count(*) from pg_event_trigger)::int as triggers,
    (select count(*) from pg_stat_activity where application_name = 'victim')::int as victims,
    (select string_agg(f, ' ' order by f) from pg_ls_dir('.') f where f <> 'current_logfiles') as files,
    (select count(*) from pg_ls_dir('pg_snapshots'))::int as snapshots,
    (select count(*) from pg_ls_tmpdir())::int as temporary_files`;
const SESSION = `
  select (select count(*) from pg_prepared_statements)::int as statements, (select count(*) from pg_cursors)::int as cursors,
    (select count(*) from pg_listening_channels())::int as channels, current_user::text as role, current_setting('transaction_read_only') as read_only,
    (select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where source = 'session' and name <> 'application_name') as settings,
    current_setting('search_path') as path, current_setting('work_mem') as work_mem, current_setting('statement_timeout') as timeout,
    (select count(*) from pg_class where relpersistence = 't')::int as temporary`;

/** @param url a migrated database, as superuser */
export async function openAttackedSite(url: string): Promise<AttackedSite> {
  const database = createDatabase({ url, max: 2 });
  await database.none(APP_OBJECTS);
  await ensureRoles(database, { rulesPassword: RULES_PASSWORD });
  await database.none('alter database $<name:name> set app.secret = $<secret>', {
    name: new URL(url).pathname.slice(1),
    secret: 'x',
  });
  const rulesUrl = Object.assign(new URL(url), { username: 'keepwatch_rules', password: RULES_PASSWORD }).href;
  const rules = createDatabase({ url: rulesUrl, max: 1, queryTimeoutMs: 30_000 });
  const victim = createDatabase({ url, max: 1, applicationName: 'victim' });
  const held = await victim.connect();
  const told: unknown[] = [];
  held.client.on('notification', (message) => told.push(message));
  await held.none('listen attack');
  return {
    database,
    rules,
    harden: async () => {
      await ensureRoles(database, { hardens: true });
    },
    traces: async () => {
      await held.any('select 1');
      return { ...(await database.one<object>(TRACES)), session: await rules.one<object>(SESSION), told: told.length };
    },
    async close() {
      await held.done(true);
      await Promise.all([closeDatabase(victim), closeDatabase(rules), closeDatabase(database)]);
    },
  };
}
