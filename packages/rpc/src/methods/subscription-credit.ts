import * as v from "valibot";
import { rpcErrors } from "../errors.ts";
import { creditsMax } from "../limits.ts";
import { defineMethod } from "./method.ts";
import { countSchema } from "./params.ts";

export const subscriptionCredit = defineMethod({
  name: "subscription.credit",
  summary: "Lets a subscription send that many more notifications.",
  params: v.strictObject({
    subscription: countSchema,
    credits: v.pipe(countSchema, v.minValue(1), v.maxValue(creditsMax)),
  }),
  result: "{credits}: how many it has now, at most 65,536",
  handle({ peer }, { subscription, credits }) {
    if (peer.subscriptions === undefined) throw rpcErrors.WEBSOCKET_ONLY({ method: "subscription.credit" });
    return { credits: peer.subscriptions.require(subscription).grant(credits) };
  },
});
