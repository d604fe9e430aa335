// The routes of /api/v1 about alerts: rules, what became of them, budgets and targets; delivery-api.ts has more. Those that write stand behind guards of their own, take
// JSON, and say which version they change.
import type { Request, Router } from 'express';
import type { z } from 'zod';
import { createRoutes, type Guards, type Routes } from './alert-routes.ts';
import {
  budgetChangeParameters,
  budgetParameters,
  noParameters,
  parseEvaluationsQuery,
  parseHistoryQuery,
  parseTargetsQuery,
  receiverParameters,
  ruleChangeParameters,
  ruleParameters,
  rulesParameters,
  versionOf,
} from './alerts-parameters.ts';
import type {
  alertsData,
  budgetChangesData,
  budgetData,
  evaluationsData,
  forgottenData,
  historyData,
  previewData,
  receiverTestData,
  ruleChangesData,
  rulesData,
  storedRuleData,
  targetsData,
} from './alerts-responses.ts';
import { parse } from './api-query.ts';
import type { Answer } from './api-responses.ts';
import { actorOf, created, found, type Outcome, settled, tagged } from './change-answer.ts';
import { type ChosenFrom, chooseRules } from './chosen-rules.ts';
import { addAcknowledgements, addDeliveries, addSilences, type DeliveryApiOptions } from './delivery-api.ts';
import { readJsonBody } from './json-body.ts';

type Data<Schema extends z.ZodType> = Answer<z.output<Schema>>;

/** What is evaluated now. */
export interface AlertsReader {
  /** @param choice whose rules; default: all, with their alerts */
  rulesResponse(choice?: {
    choose<Group extends ChosenFrom>(groups: readonly Group[]): readonly Group[];
    readonly excludesAlerts?: boolean | undefined;
  }): Promise<Data<typeof rulesData>>;
  alertsResponse(): Promise<Data<typeof alertsData>>;
}

/** Rules of the API. Whatever is no rule rejects with ERR_USAGE or ERR_RULES_INVALID. */
export interface RuleEditor {
  read(uid: string): Promise<Data<typeof storedRuleData> | undefined>;
  changes(uid: string): Promise<Data<typeof ruleChangesData> | undefined>;
  create(draft: unknown, actor: string): Promise<Outcome<Data<typeof storedRuleData>>>;
  replace(uid: string, version: number, draft: unknown, actor: string): Promise<Outcome<Data<typeof storedRuleData>>>;
  setEnabled(uid: string, version: number, enabled: boolean, actor: string): Promise<Outcome<Data<typeof storedRuleData>>>;
  remove(uid: string, version: number, actor: string): Promise<Outcome<Data<typeof storedRuleData>>>;
  preview(given: unknown, nowMs: number): Promise<Data<typeof previewData>>;
}

/** What any process with a database knows of alerts. Whatever is no budget rejects with ERR_USAGE. */
export interface Definitions {
  history(query: ReturnType<typeof parseHistoryQuery>): Promise<Data<typeof historyData>>;
  /** Undefined: no such rule was ever evaluated. */
  evaluations(query: ReturnType<typeof parseEvaluationsQuery>): Promise<Data<typeof evaluationsData> | undefined>;
  targets(query: ReturnType<typeof parseTargetsQuery>): Promise<Data<typeof targetsData>>;
  listBudgets(): Promise<readonly Data<typeof budgetData>[]>;
  readBudget(name: string): Promise<Data<typeof budgetData> | undefined>;
  createBudget(given: unknown, actor: string): Promise<Outcome<Data<typeof budgetData>>>;
  replaceBudget(name: string, version: number, given: unknown, actor: string): Promise<Outcome<Data<typeof budgetData>>>;
  removeBudget(name: string, version: number, actor: string): Promise<Outcome<Data<typeof budgetData>>>;
  /** Undefined: there never was such a budget. */
  budgetChanges(name: string): Promise<Data<typeof budgetChangesData> | undefined>;
  /** Ends series by hand. */
  forget(given: unknown, actor: string): Promise<Data<typeof forgottenData>>;
}

/** Where messages go. Undefined: there is no receiver of this name. */
export interface ReceiverTester {
  test(name: string): Promise<Data<typeof receiverTestData>['deliveries'] | undefined>;
}

export interface AlertsApiOptions extends DeliveryApiOptions {
  /** Undefined: this process evaluates no rules. */
  readonly alerts: AlertsReader | undefined;
  /** Undefined: as `alerts`. */
  readonly ruleEditor?: RuleEditor | undefined;
  /** Undefined: there is no database. */
  readonly definitions?: Definitions | undefined;
  /** Undefined: as `alerts`. */
  readonly receivers?: ReceiverTester | undefined;
}

export function addAlertRoutes(router: Router, options: AlertsApiOptions, guards: Guards): void {
  const routesOf = createRoutes(router, guards);
  addReading(routesOf('alerts'), options);
  addRules(routesOf('alerts'), options);
  addBudgets(routesOf('budgets'), options);
  addReceivers(routesOf('receiver'), options);
  addForgetting(routesOf('budgets'), options);
  addSilences(routesOf('silences'), options);
  addAcknowledgements(routesOf('silences'), options);
  addDeliveries(routesOf('deliveries'), options);
}

function addReading({ get }: Routes, { alerts, definitions, now }: AlertsApiOptions): void {
  get('/rules', ({ url }) => {
    const query = parse(rulesParameters, url);
    const choose = <Group extends ChosenFrom>(groups: readonly Group[]) => chooseRules(groups, query);
    return async () => (await alerts?.rulesResponse({ choose, excludesAlerts: query.exclude_alerts })) ?? { groups: [] };
  });
  get('/alerts', ({ url }) => {
    parse(noParameters, url);
    return async () => (await alerts?.alertsResponse()) ?? { alerts: [] };
  });
  get(
    '/alerts/history',
    ({ url }) => {
      const query = parseHistoryQuery(url, now());
      return () => present(definitions).history(query);
    },
    'history',
  );
  get(
    '/rules/:uid/evaluations',
    ({ url, params }) => {
      const query = parseEvaluationsQuery(url, String(params['uid']), now());
      return async () => found(await present(definitions).evaluations(query), `no evaluation of the rule "${query.uid}"`);
    },
    'history',
  );
  get(
    '/targets',
    ({ url }) => {
      const query = parseTargetsQuery(url, now());
      return () => present(definitions).targets(query);
    },
    'targets',
  );
}

function addRules({ get, post, put, delete: remove }: Routes, { ruleEditor, now }: AlertsApiOptions): void {
  const change = ({ url, params, headers }: Request) => {
    const { uid, version } = parse(ruleChangeParameters, url, { uid: String(params['uid']) });
    return { uid, version: versionOf(version, headers['if-match']), actor: actorOf(headers) };
  };
  get('/rules/:uid', ({ url, params }) => {
    const { uid } = parse(ruleParameters, url, { uid: String(params['uid']) });
    return async (response) => tagged(response, found(await evaluating(ruleEditor).read(uid), missingRule(uid)));
  });
  get('/rules/:uid/changes', ({ url, params }) => {
    const { uid } = parse(ruleParameters, url, { uid: String(params['uid']) });
    return async () => found(await evaluating(ruleEditor).changes(uid), missingRule(uid));
  });
  post(
    '/rules/preview',
    async (request) => {
      parse(noParameters, request.url);
      const body = await readJsonBody(request);
      return () => evaluating(ruleEditor).preview(body, now());
    },
    'preview',
  );
  post('/rules', async (request) => {
    parse(noParameters, request.url);
    const body = await readJsonBody(request);
    return async (response) => created(response, await evaluating(ruleEditor).create(body, actorOf(request.headers)));
  });
  put('/rules/:uid', async (request) => {
    const { uid, version, actor } = change(request);
    const body = await readJsonBody(request);
    return async (response) =>
      settled(response, await evaluating(ruleEditor).replace(uid, version, body, actor), missingRule(uid));
  });
  for (const [path, isEnabled] of [['enable', true] as const, ['disable', false] as const]) {
    post(`/rules/:uid/${path}`, (request) => {
      const { uid, version, actor } = change(request);
      return async (response) =>
        settled(response, await evaluating(ruleEditor).setEnabled(uid, version, isEnabled, actor), missingRule(uid));
    });
  }
  remove('/rules/:uid', (request) => {
    const { uid, version, actor } = change(request);
    return async (response) => settled(response, await evaluating(ruleEditor).remove(uid, version, actor), missingRule(uid));
  });
}

function addBudgets({ get, post, put, delete: remove }: Routes, { definitions }: AlertsApiOptions): void {
  const change = ({ url, params, headers }: Request) => {
    const { name, version } = parse(budgetChangeParameters, url, { name: String(params['name']) });
    return { name, version: versionOf(version, headers['if-match']), actor: actorOf(headers) };
  };
  get('/budgets', ({ url }) => {
    parse(noParameters, url);
    return () => present(definitions).listBudgets();
  });
  get('/budgets/:name', ({ url, params }) => {
    const { name } = parse(budgetParameters, url, { name: String(params['name']) });
    return async (response) => tagged(response, found(await present(definitions).readBudget(name), missingBudget(name)));
  });
  get('/budgets/:name/changes', ({ url, params }) => {
    const { name } = parse(budgetParameters, url, { name: String(params['name']) });
    return async () => found(await present(definitions).budgetChanges(name), missingBudget(name));
  });
  post('/budgets', async (request) => {
    parse(noParameters, request.url);
    const body = await readJsonBody(request);
    return async (response) => created(response, await present(definitions).createBudget(body, actorOf(request.headers)));
  });
  put('/budgets/:name', async (request) => {
    const { name, version, actor } = change(request);
    const body = await readJsonBody(request);
    return async (response) =>
      settled(response, await present(definitions).replaceBudget(name, version, body, actor), missingBudget(name));
  });
  remove('/budgets/:name', (request) => {
    const { name, version, actor } = change(request);
    return async (response) =>
      settled(response, await present(definitions).removeBudget(name, version, actor), missingBudget(name));
  });
}

function addForgetting({ post }: Routes, { definitions }: AlertsApiOptions): void {
  post('/alerts/forget', async (request) => {
    parse(noParameters, request.url);
    const body = await readJsonBody(request);
    return () => present(definitions).forget(body, actorOf(request.headers));
  });
}

function addReceivers({ post }: Routes, { receivers }: AlertsApiOptions): void {
  post(
    '/receivers/:name/test',
    ({ url, params }) => {
      const { name } = parse(receiverParameters, url, { name: String(params['name']) });
      return async () => {
        if (receivers === undefined) throw new Error(NO_RULES);
        return { receiver: name, deliveries: found(await receivers.test(name), `no receiver is named "${name}"`) };
      };
    },
    'receiver',
  );
}

const NO_RULES = 'this process evaluates no rules; ask one that does, such as `keepwatch serve`';

function present(definitions: Definitions | undefined): Definitions {
  if (definitions === undefined) throw new Error('no database: DATABASE_URL is not set');
  return definitions;
}

function evaluating(editor: RuleEditor | undefined): RuleEditor {
  if (editor === undefined) throw new Error(NO_RULES);
  return editor;
}

const missingRule = (uid: string) => `no rule of the API has the uid "${uid}"`;
const missingBudget = (name: string) => `no budget is named "${name}"`;
