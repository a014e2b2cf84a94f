// What a developer writes with the client that a generator has made; it prints what it got.
import {
  Configuration, CredentialApi, type Credential, CredentialFromJSON, CredentialToJSON, OrdersApi, type Problem,
  ProblemCode, ResponseError,
} from "./generated/index";

declare const process: { env: Record<string, string> };

function configuration(token: string): Configuration {
  return new Configuration({ basePath: process.env["URL"], accessToken: process.env[token] });
}

async function problem(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    const body: Problem = await error.response.json();
    const known = (Object.values(ProblemCode) as string[]).includes(body.code);
    return [known, body.code, (body.errors ?? []).map((each) => each.pointer)];
  }
}

async function main(): Promise<void> {
  const orders = new OrdersApi(configuration("READER"));
  const credentials = new CredentialApi(configuration("ADMIN"));
  const basic: Credential = { type: "basic", config: { username: "user", password: "right" } };
  await credentials.putProxyConfig({ credential: basic, validate: true });
  const businessUnitId = "store-1";
  const { customerOrder } = await orders.getOrder({ businessUnitId, customerOrderId: "CO-1001" });
  const { customerId, customerOrderId } = customerOrder;
  const { customerOrders } = await orders.searchOrders({ businessUnitId, searchCriteria: { customerId } });
  const searchCriteria = { customerId: "1", email: "a@acme.example" };
  const criteria = await problem(orders.searchOrders({ businessUnitId, searchCriteria }));
  const unknown = await problem(orders.getOrder({ businessUnitId, customerOrderId: "CO-0" }));
  const read = (JSON.parse(process.env["CREDENTIALS"]!) as unknown[]).map((each) => CredentialFromJSON(each));
  for (const credential of read) await credentials.putProxyConfig({ credential });
  const authUrl = process.env["AUTH_URL"]!;
  const oauth2: Credential = { type: "oauth2", config: { clientId: "id", clientSecret: "secret", authUrl } };
  await credentials.putProxyConfig({ credential: oauth2 });
  const stored: unknown[] = [];
  for (const credential of [{} as Credential, CredentialFromJSON({})]) {
    const state = await credentials.putProxyConfig({ credential, dryRun: true });
    stored.push([state!.type, state!.clientId, state!.test.outcome]);
  }
  const again = await orders.getOrder({ businessUnitId, customerOrderId: "CO-1001" });
  console.log(JSON.stringify({
    order: customerOrderId,
    unitPrice: customerOrder.items[0]!.unitPrice,
    found: customerOrders.some((each) => each.customerOrderId === customerOrderId),
    criteria,
    unknown,
    read: read.map(CredentialToJSON),
    stored,
    withToken: again.customerOrder.customerOrderId,
  }));
}

main();
