// Made from crates/api/openapi.json by `npm run api`; not to be edited.

export interface paths {
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who did what, newest first
         * @description Role: admin.
         */
        get: operations["audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the audit log is whole
         * @description Role: admin.
         */
        get: operations["verifyAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/automation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Which services are promoted on evidence
         * @description Role: viewer.
         */
        get: operations["automation"];
        /**
         * Replace the rules of it
         * @description Role: operator.
         */
        put: operations["putAutomation"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blast-radius": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Services by what falls with them
         * @description Role: viewer.
         */
        get: operations["blastRanking"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blast-radius/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What to close first
         * @description Role: viewer.
         */
        get: operations["blastPlan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blast-radius/{namespace}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What falls with one service
         * @description Role: viewer.
         */
        get: operations["blastRadius"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/edges": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Edges as a list
         * @description Role: viewer.
         */
        get: operations["edges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened, newest first
         * @description Role: viewer.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events as they happen, resumable by Last-Event-ID
         * @description Role: viewer.
         */
        get: operations["eventStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/flows/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Single flows as they happen
         * @description Role: viewer.
         */
        get: operations["flowStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The connection graph
         * @description Role: viewer.
         */
        get: operations["graph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/graph/columns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The connection graph as columns, for pictures of it
         * @description Role: viewer.
         */
        get: operations["graphColumns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/graph/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Changes of the graph as they happen
         * @description Role: viewer.
         */
        get: operations["graphStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was counted over time
         * @description Role: viewer.
         */
        get: operations["history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The connection graph of a stretch of the past
         * @description Role: viewer.
         */
        get: operations["pastGraph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document
         * @description No credential needed.
         */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/outputs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Systems that events are sent to, without secrets
         * @description Role: admin.
         */
        get: operations["outputs"];
        /**
         * Replace them
         * @description Role: admin.
         */
        put: operations["putOutputs"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/outputs/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test message
         * @description Role: admin.
         */
        post: operations["testOutput"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All policy documents
         * @description Role: viewer.
         */
        get: operations["policies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/apply": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Apply documents, all or none; or say what would happen
         * @description Role: operator.
         */
        post: operations["apply"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/effective/{namespace}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All rules of a service in deciding order
         * @description Role: viewer.
         */
        get: operations["effectivePolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Revisions, newest first
         * @description Role: viewer.
         */
        get: operations["policyHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an earlier revision hold again
         * @description Role: operator.
         */
        post: operations["restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/{namespace}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One document; as YAML with format=yaml
         * @description Role: viewer.
         */
        get: operations["policy"];
        /**
         * Create or replace one document
         * @description Role: operator.
         */
        put: operations["putPolicy"];
        post?: never;
        /**
         * Delete one document
         * @description Role: operator.
         */
        delete: operations["deletePolicy"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * May A speak to B, and what decides
         * @description Role: viewer.
         */
        post: operations["explain"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/proposals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Proposed changes of documents, newest first
         * @description Role: viewer.
         */
        get: operations["proposals"];
        put?: never;
        /**
         * Propose documents for others to decide on
         * @description Role: proposer.
         */
        post: operations["propose"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/proposals/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A proposal, and what accepting it would do now
         * @description Role: viewer.
         */
        get: operations["proposal"];
        put?: never;
        post?: never;
        /**
         * Take a proposal back
         * @description Role: proposer.
         */
        delete: operations["withdrawProposal"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/proposals/{id}/decision": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept a proposal, which applies it, or reject it
         * @description Role: operator.
         */
        post: operations["decideProposal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/reach": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Can A ever reach B, and how
         * @description Role: viewer.
         */
        get: operations["reach"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/simulate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Which edges would documents change
         * @description Role: viewer.
         */
        post: operations["simulate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/trials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Candidates that are or were tried beside the policy in force, newest first
         * @description Role: viewer.
         */
        get: operations["trials"];
        put?: never;
        /**
         * Try documents beside the policy in force; nothing is enforced by them
         * @description Role: operator.
         */
        post: operations["beginTrial"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/trials/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a trial found so far
         * @description Role: viewer.
         */
        get: operations["trial"];
        put?: never;
        post?: never;
        /**
         * End a running trial; remove one that has ended
         * @description Role: operator.
         */
        delete: operations["stopTrial"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policy/who-can-reach": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who can reach a service
         * @description Role: viewer.
         */
        get: operations["whoCanReach"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Frameworks that reports can be made for
         * @description Role: viewer.
         */
        get: operations["reports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The key that signs reports
         * @description Role: viewer.
         */
        get: operations["reportKey"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reports/{framework}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A signed report; as a page or Markdown with format
         * @description Role: viewer.
         */
        get: operations["report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/review": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Learned rules that wait for a decision
         * @description Role: viewer.
         */
        get: operations["review"];
        put?: never;
        /**
         * Decide
         * @description Role: operator.
         */
        post: operations["decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All services
         * @description Role: viewer.
         */
        get: operations["services"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{namespace}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything about one service
         * @description Role: viewer.
         */
        get: operations["service"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{namespace}/{name}/automation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Ask for promotion on evidence, or stop it
         * @description Role: operator.
         */
        put: operations["setAutomation"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{namespace}/{name}/mode": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change the mode
         * @description Role: operator.
         */
        put: operations["setMode"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{namespace}/{name}/promotion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What another mode would deny
         * @description Role: viewer.
         */
        get: operations["promotion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{namespace}/{name}/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cut the service off
         * @description Role: operator.
         */
        post: operations["quarantine"];
        /**
         * End the quarantine; the mode before it holds again
         * @description Role: operator.
         */
        delete: operations["release"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who am I, and my CSRF value
         * @description Role: viewer.
         */
        get: operations["session"];
        put?: never;
        /**
         * Exchange a token for a session cookie
         * @description No credential needed.
         */
        post: operations["login"];
        /**
         * End the session
         * @description Role: viewer.
         */
        delete: operations["logout"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settings
         * @description Role: viewer.
         */
        get: operations["settings"];
        /**
         * Replace the settings
         * @description Role: admin.
         */
        put: operations["putSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The estate at a glance
         * @description Role: viewer.
         */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * API tokens
         * @description Role: admin.
         */
        get: operations["tokens"];
        put?: never;
        /**
         * Create a token; its secret is shown this once
         * @description Role: admin.
         */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a token and the sessions made from it
         * @description Role: admin.
         */
        delete: operations["deleteToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/zones": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Zones: members, conduits, exceptions, and whether they are isolated
         * @description Role: viewer.
         */
        get: operations["zones"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the process lives
         * @description No credential needed.
         */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics in the Prometheus text format
         * @description Role: viewer.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether it serves: 503 while degraded beyond use
         * @description No credential needed.
         */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What is wrong, where, and what to do. */
        ApiError: {
            code: components["schemas"]["ErrorCode"];
            details?: components["schemas"]["ErrorDetail"][];
            /** @description What is wrong, and where. */
            message: string;
            /** @description What to do about it. */
            remedy: string;
        };
        /**
         * @description application protocol; unknown until identified
         * @example redis
         */
        Application: string;
        ApplyRequest: {
            /** @description One or more YAML documents, separated by `---`. All of them hold, or none. */
            documents: string;
            /** @description Say what would happen, and change nothing. */
            dry_run?: boolean;
            /** @description Name of the file, for messages. */
            file?: string | null;
            /** @description Take over documents that another set manages, or that were written by hand. */
            force_conflicts?: boolean;
            origin?: components["schemas"]["RuleOrigin"] | null;
            /** @description Remove documents of the set that are not among these; without a set, those of the same origin that no set manages. */
            prune?: boolean;
            /**
             * @description The set that manages these documents from then on: a repository, a pipeline. Nobody else changes them by mistake,
             *     and it changes nobody else's.
             */
            set?: string | null;
        };
        /** @description What an apply did, or would do. */
        ApplyResult: {
            changes: components["schemas"]["PolicyChange"][];
            /** @description Unified diff of the documents. */
            diff: string;
            dry_run: boolean;
            findings: components["schemas"]["Finding"][];
            /**
             * Format: int64
             * @description After the change; unchanged for a dry run.
             */
            revision: number;
            sentence: string;
            /** @description Edges whose verdict changes in any way. */
            verdict_changes: components["schemas"]["VerdictChange"][];
            /** @description Seen edges that passed before and would be denied. */
            would_break: components["schemas"]["JudgedEdge"][];
        };
        /** @description How the workload is attached to the network, which says how it can be confined. */
        Attachment: {
            /** @enum {string} */
            kind: "own";
        } | {
            /** @description Shares the namespace of another workload (`--network container:X`, the containers of a pod). */
            container: components["schemas"]["WorkloadId"];
            /** @enum {string} */
            kind: "shared";
        } | {
            /** @enum {string} */
            kind: "host";
        } | {
            /** @enum {string} */
            kind: "none";
        };
        /** @description One line of the audit log. Its hash covers all other fields and the hash of the line before. */
        AuditEntry: {
            /** @description `mode.set`, `policy.apply`, `token.create`, `session.failed`, ... */
            action: string;
            /** @description Name of the token that acted, `system` for the controller itself. */
            actor: string;
            /** @description Address of the client. */
            address?: string | null;
            /** @description Parameters and outcome as one line of text. */
            detail: string;
            /** @description SHA-256, hexadecimal. */
            hash: string;
            role?: components["schemas"]["Role"] | null;
            /** Format: int64 */
            sequence: number;
            /** @description What was acted upon. */
            target: string;
            time: components["schemas"]["Timestamp"];
        };
        AuditList: {
            /** @description Newest first. */
            items: components["schemas"]["AuditEntry"][];
            /** @description Value of `after` for the next page. */
            next?: string | null;
        };
        /** @description Whether the audit log is whole: nothing changed, removed or inserted. */
        AuditVerification: {
            /**
             * Format: int64
             * @description First sequence number at which the chain does not hold.
             */
            broken_at?: number | null;
            /** Format: int64 */
            entries: number;
            /** @description Hash of the newest entry: keep it elsewhere, and a log that was cut off at its end is found out too. */
            head: string;
            intact: boolean;
            /**
             * Format: int64
             * @description Entries before those, which retention has removed; the hash of the last of them is kept, and checked with.
             */
            removed: number;
            sentence: string;
        };
        /** @description Whether a service is promoted on evidence alone. */
        Automation: {
            automatic: boolean;
            profile?: components["schemas"]["Profile"];
        };
        /** @description Whose word it is whether a service is promoted on evidence. */
        AutomationBy: {
            /** @enum {string} */
            by: "hand";
        } | {
            /** @enum {string} */
            by: "rule";
            /** Format: int32 */
            rule: number;
        } | {
            /** @enum {string} */
            by: "default";
        };
        AutomationRule: {
            automatic: boolean;
            /** @description Only services whose workloads all have these labels. */
            labels?: {
                [key: string]: string;
            };
            /** @description Only services of this namespace. */
            namespace?: string | null;
            profile?: components["schemas"]["Profile"];
            /** @description Only members of this zone. */
            zone?: string | null;
        };
        /**
         * @description Which services are promoted on evidence. What is set by hand for a service holds, else the first rule that fits, else
         *     the default. PUT replaces all of it.
         */
        AutomationRules: {
            /** @description For services that no rule fits. */
            automatic: boolean;
            by_hand?: components["schemas"]["AutomationSetting"][];
            profile?: components["schemas"]["Profile"];
            rules?: components["schemas"]["AutomationRule"][];
        };
        /** @description What was set for one service by hand. */
        AutomationSetting: {
            automation: components["schemas"]["Automation"];
            service: components["schemas"]["ServiceName"];
        };
        BlastClose: {
            client: components["schemas"]["ServiceName"];
            /** @enum {string} */
            close: "edge";
            server: components["schemas"]["ServiceName"];
        } | {
            /** @enum {string} */
            close: "entry";
            server: components["schemas"]["ServiceName"];
        } | {
            /** @enum {string} */
            close: "service";
            service: components["schemas"]["ServiceName"];
        };
        BlastCount: {
            /**
             * Format: int64
             * @description Pairs of service and known listening port.
             */
            ports: number;
            /** Format: int64 */
            services: number;
            /** @description Whether the world can be reached. */
            world: boolean;
        };
        /** @description What can fall. */
        BlastExposure: {
            /**
             * Format: double
             * @description How likely services fall, summed over all of them: their number where all are equally weak.
             */
            risk: number;
            /**
             * Format: int64
             * @description Services that can be reached from outside, over whatever steps.
             */
            services: number;
        };
        /** @description What to close, in the order in which it takes most away. Nothing that was seen in use is among it. */
        BlastPlan: {
            /** @description As it is now. */
            before: components["schemas"]["BlastExposure"];
            sentence: string;
            steps: components["schemas"]["BlastStep"][];
        };
        BlastPort: {
            /** Format: int32 */
            port: number;
            protocol: components["schemas"]["IpProtocol"];
        };
        /** @description What an attacker who holds the service can reach, in rings. */
        BlastRadius: {
            now: components["schemas"]["BlastSide"];
            sentence: string;
            service: components["schemas"]["ServiceName"];
            under_policy: components["schemas"]["BlastSide"];
        };
        /** @description Services in order of what falls with them. */
        BlastRanking: {
            items: components["schemas"]["BlastSummary"][];
            /**
             * Format: int64
             * @description Sum over all services of reachable pairs, now and with every service enforced.
             */
            pairs_now: number;
            /** Format: int64 */
            pairs_under_policy: number;
            sentence: string;
        };
        BlastReached: {
            /**
             * Format: int32
             * @description 1 for direct neighbours.
             */
            hops: number;
            peer: components["schemas"]["Peer"];
            /** @description Listening ports that can be reached there; empty where none is known. */
            ports: components["schemas"]["BlastPort"][];
            /** @description The peer from which it falls first. */
            via: components["schemas"]["Peer"];
        };
        BlastSide: {
            count: components["schemas"]["BlastCount"];
            reached: components["schemas"]["BlastReached"][];
        };
        BlastStep: components["schemas"]["BlastClose"] & {
            /** @description When it and all before it are closed. */
            after: components["schemas"]["BlastExposure"];
            /** @description What to do, in words. */
            sentence: string;
        };
        BlastSummary: {
            /** @description Under the modes in force. */
            now: components["schemas"]["BlastCount"];
            service: components["schemas"]["ServiceName"];
            /** @description If every service enforced its policy (learned, where it has no other). */
            under_policy: components["schemas"]["BlastCount"];
        };
        /** @enum {string} */
        ChangeAction: "created" | "updated" | "deleted" | "unchanged";
        /** @description The only time that the secret is shown. */
        CreatedToken: components["schemas"]["Token"] & {
            /** @description `bh_...` */
            secret: string;
        };
        /** @description A point of the discovery curve. */
        CurvePoint: {
            /**
             * Format: int64
             * @description Distinct edges known.
             */
            edges: number;
            time: components["schemas"]["Timestamp"];
            /** Format: double */
            upper_hour: number;
        };
        Decided: {
            actor: string;
            decision: components["schemas"]["Decision"];
            /** @description The rule that was accepted in the place of the learned one, as YAML. */
            rule?: string | null;
            time: components["schemas"]["Timestamp"];
        };
        /** @enum {string} */
        Decision: "accept" | "reject" | "attack" | "undo";
        Degradation: {
            remedy: string;
            since: components["schemas"]["Timestamp"];
            what: string;
        };
        /** @description The forensics of a denial. */
        Denial: {
            /** @description The document that would allow it, as YAML that can be applied. */
            allow_with?: string | null;
            /** Format: int64 */
            count: number;
            /** @description Which side denied it. */
            direction: components["schemas"]["Direction"];
            edge: components["schemas"]["EdgeKey"];
            last: components["schemas"]["Timestamp"];
            /** @description The first bytes of the packet from its IP header on, at most 128. */
            packet?: number[];
            process?: components["schemas"]["Process"] | null;
            reason: components["schemas"]["DenyReason"];
            rule: components["schemas"]["RuleRef"];
            /** @description `namespace/name` and position of the rule that decided, where one did. */
            rule_name?: string | null;
            /** @description The service whose policy decided. */
            service: components["schemas"]["ServiceName"];
            tuple: components["schemas"]["FlowTuple"];
            workload?: components["schemas"]["WorkloadId"] | null;
            workload_name?: string | null;
        };
        /**
         * @description Why a packet or a connection was denied, or would have been.
         * @enum {string}
         */
        DenyReason: "no-rule" | "rule" | "quarantine" | "spoof" | "malformed" | "fragment" | "unidentified" | "table-full" | "unrelated";
        /**
         * @description Of a connection, seen from one service: who opened it. `Egress`: the service did.
         * @enum {string}
         */
        Direction: "ingress" | "egress";
        /** @description An edge with its history. */
        Edge: components["schemas"]["EdgeKey"] & components["schemas"]["EdgeCounters"] & {
            first_seen: components["schemas"]["Timestamp"];
            last_seen: components["schemas"]["Timestamp"];
        };
        /** @description One value for each edge in every column, all in the same order. */
        EdgeColumns: {
            application: number[];
            client: number[];
            connections: number[];
            denied: number[];
            first_seen: components["schemas"]["Timestamp"][];
            last_seen: components["schemas"]["Timestamp"][];
            port: number[];
            protocol: components["schemas"]["IpProtocol"][];
            /** @description Packets per second, both directions, over the last minute. */
            rate: number[];
            server: number[];
            verdict: components["schemas"]["Verdict"][];
            would_deny: number[];
        };
        /** @description Totals of an edge, or of an interval of it. */
        EdgeCounters: {
            /** Format: int64 */
            bytes_to_client: number;
            /**
             * Format: int64
             * @description Bytes of IP packets.
             */
            bytes_to_server: number;
            /**
             * Format: int64
             * @description Connections (TCP, SCTP) or exchanges (UDP, ICMP) opened and allowed to pass.
             */
            connections: number;
            /**
             * Format: int64
             * @description Connections that the policy denied.
             */
            denied: number;
            /** Format: int64 */
            packets_to_client: number;
            /** Format: int64 */
            packets_to_server: number;
            /**
             * Format: int32
             * @description Smallest TCP handshake round-trip time seen, in microseconds; 0 where none was measured.
             */
            rtt_min_us: number;
            /**
             * Format: int64
             * @description Connections that passed only because the denying side is in Monitor.
             */
            would_deny: number;
        };
        /** @description Who talks to whom, and how: the unit of the connection graph, of learning and of learned rules. */
        EdgeKey: {
            application: components["schemas"]["Application"];
            client: components["schemas"]["Peer"];
            /**
             * Format: int32
             * @description Server port; ICMP type and code for ICMP ([`crate::IcmpType`]); 0 for protocols without ports.
             */
            port: number;
            protocol: components["schemas"]["IpProtocol"];
            server: components["schemas"]["Peer"];
        };
        EdgeList: {
            items: components["schemas"]["JudgedEdge"][];
            next?: string | null;
        };
        /** @description All rules of a service in deciding order. */
        EffectivePolicy: {
            egress: components["schemas"]["EffectiveRule"][];
            ingress: components["schemas"]["EffectiveRule"][];
            mode: components["schemas"]["Mode"];
            /** Format: int64 */
            revision: number;
            service: components["schemas"]["ServiceName"];
        };
        EffectiveRule: components["schemas"]["RuleInfo"] & {
            /**
             * Format: int64
             * @description Connections that it decided, as far as edges remember.
             */
            hits: number;
            last_hit?: components["schemas"]["Timestamp"] | null;
        };
        /** @description The body of every answer that is not a success. */
        ErrorBody: {
            error: components["schemas"]["ApiError"];
        };
        /** @enum {string} */
        ErrorCode: "invalid" | "unauthenticated" | "forbidden" | "not-found" | "conflict" | "too-large" | "rate-limited" | "unavailable" | "internal";
        /** @description One fault of several, with its place: a field of the request, or a position in a YAML document. */
        ErrorDetail: {
            /**
             * Format: int32
             * @description From 1.
             */
            column?: number | null;
            expected?: string | null;
            /** @description Path to the field: `spec.ingress[0].ports`. */
            field?: string | null;
            file?: string | null;
            /**
             * Format: int32
             * @description From 1.
             */
            line?: number | null;
            message: string;
        };
        Event: components["schemas"]["EventKind"] & {
            id: components["schemas"]["EventId"];
            /** @description One sentence for people. */
            message: string;
            severity: components["schemas"]["Severity"];
            time: components["schemas"]["Timestamp"];
        };
        /**
         * Format: int64
         * @description Number of an event in the store, ascending.
         */
        EventId: number;
        /** @description What happened. JSON: `{"type": "denied", ...}`. */
        EventKind: {
            edge: components["schemas"]["EdgeKey"];
            process?: components["schemas"]["Process"] | null;
            tuple: components["schemas"]["FlowTuple"];
            /** @enum {string} */
            type: "new-edge";
            workload?: components["schemas"]["WorkloadId"] | null;
        } | (components["schemas"]["Denial"] & {
            /** @enum {string} */
            type: "would-deny";
        }) | (components["schemas"]["Denial"] & {
            /** @enum {string} */
            type: "denied";
        }) | {
            /**
             * Format: int64
             * @description How often it was told of: the kernel tells of a service's false addresses no more often than every five
             *     seconds. The packets are counted in the node's health.
             */
            count?: number;
            last?: components["schemas"]["Timestamp"] | null;
            service?: components["schemas"]["ServiceName"] | null;
            tuple: components["schemas"]["FlowTuple"];
            /** @enum {string} */
            type: "spoof";
            workload?: components["schemas"]["WorkloadId"] | null;
        } | {
            client: components["schemas"]["Peer"];
            /** Format: int64 */
            denied: number;
            /** Format: int32 */
            peers: number;
            /** Format: int32 */
            ports: number;
            process?: components["schemas"]["Process"] | null;
            /** @enum {string} */
            type: "scan";
            workload?: components["schemas"]["WorkloadId"] | null;
        } | {
            actor: string;
            evidence: string;
            from: components["schemas"]["Mode"];
            service: components["schemas"]["ServiceName"];
            to: components["schemas"]["Mode"];
            /** @enum {string} */
            type: "mode-changed";
        } | {
            actor: string;
            /** Format: int64 */
            revision: number;
            summary: string;
            /** @enum {string} */
            type: "policy-changed";
        } | {
            actor: string;
            /** Format: int64 */
            expected: number;
            running: boolean;
            trial: string;
            /** @enum {string} */
            type: "trial";
            /**
             * Format: int64
             * @description Connections that were denied and would pass.
             */
            would_allow: number;
            /**
             * Format: int64
             * @description Connections that passed and would be denied, and how many of them were expected.
             */
            would_deny: number;
        } | {
            actor: string;
            proposal: string;
            /** @description `open`, `accepted`, `rejected` or `withdrawn`. */
            state: string;
            summary: string;
            /** @enum {string} */
            type: "proposal";
        } | {
            sentence: string;
            service: components["schemas"]["ServiceName"];
            /** @enum {string} */
            type: "learning";
        } | {
            name: string;
            service: components["schemas"]["ServiceName"];
            /** @enum {string} */
            type: "workload-started";
            workload: components["schemas"]["WorkloadId"];
        } | {
            name: string;
            service: components["schemas"]["ServiceName"];
            /** @enum {string} */
            type: "workload-stopped";
            workload: components["schemas"]["WorkloadId"];
        } | {
            remedy: string;
            /** @enum {string} */
            type: "degraded";
            what: string;
        } | {
            /** @enum {string} */
            type: "recovered";
            what: string;
        } | {
            /** Format: int64 */
            count: number;
            /** @enum {string} */
            type: "lost";
            what: string;
        };
        EventList: {
            /** @description Newest first. */
            items: components["schemas"]["Event"][];
            next?: string | null;
        };
        /**
         * @description The data of a server-sent event named `event` or `lost`. The id of the server-sent event is a stream position, not
         *     the event's number: an aggregated event comes again, under its number, each time its counter moves.
         */
        EventMessage: components["schemas"]["Event"] | {
            /** Format: int64 */
            lost: number;
        };
        /** @description A table that requirements refer to. */
        Evidence: {
            columns: string[];
            /** @description `E1`, `E2`, ... */
            id: string;
            rows: string[][];
            /** @description What the table shows, as a sentence with numbers. */
            says: string;
            /** @description Of everything above, as canonical JSON. */
            sha256: string;
            title: string;
            /**
             * Format: int64
             * @description Rows that there are; more than are shown where the table is cut.
             */
            total: number;
        };
        /** @description "May A speak to B?" Peers in text form: `shop/web`, `world`, `host`, an address or a domain name. */
        ExplainRequest: {
            application?: components["schemas"]["Application"] | null;
            /** @example shop/web */
            from: string;
            /**
             * Format: int32
             * @description Server port; ICMP: `type * 256 + code`; 0 for protocols without ports.
             */
            port?: number;
            protocol?: components["schemas"]["IpProtocol"];
            /** @example shop/redis */
            to: string;
        };
        Explanation: {
            /** @description What would allow it, as YAML that can be applied; absent where it is allowed. */
            allow_with?: string | null;
            edge: components["schemas"]["EdgeKey"];
            egress?: components["schemas"]["SideVerdict"] | null;
            ingress?: components["schemas"]["SideVerdict"] | null;
            /** @description Whether such an edge was ever seen. */
            seen: boolean;
            sentence: string;
            verdict: components["schemas"]["Verdict"];
        };
        /** @description A port that the workload says it serves: EXPOSE of the image, `ports` of a manifest. */
        Exposure: {
            /** Format: int32 */
            port: number;
            protocol: components["schemas"]["IpProtocol"];
        };
        /**
         * @description The name of a declared or resolved external endpoint: an FQDN (`api.example.com`, `*.example.com`) or a range
         *     (`203.0.113.0/24`).
         */
        ExternalName: string;
        /** @description Something that is allowed but probably not meant. */
        Finding: {
            /** @description `shadowed`, `redundant`, `conflict`, `no-such-service`, ... */
            kind: string;
            message: string;
            /** @description `namespace/name ingress[0]` */
            rule: string;
        };
        /** @description The data of a server-sent event named `flow` or `lost`. */
        FlowMessage: (components["schemas"]["FlowRecord"] & {
            /** @enum {string} */
            type: "flow";
        }) | {
            /** Format: int64 */
            lost: number;
            /** @enum {string} */
            type: "lost";
        };
        /** @description One connection or datagram exchange as one endpoint saw it. Streams only while somebody asks for flows. */
        FlowRecord: components["schemas"]["FlowTuple"] & {
            application: components["schemas"]["Application"];
            /** Format: int64 */
            bytes_to_client: number;
            /** Format: int64 */
            bytes_to_server: number;
            client: components["schemas"]["Peer"];
            /** @description Which side of the connection reported it. */
            direction: components["schemas"]["Direction"];
            /** @description Whether this record tells of the end of the flow (then the counters are final). */
            ended: boolean;
            /** @description Mode of the reporting side. */
            mode: components["schemas"]["Mode"];
            /** Format: int64 */
            packets_to_client: number;
            /** Format: int64 */
            packets_to_server: number;
            process?: components["schemas"]["Process"] | null;
            reason?: components["schemas"]["DenyReason"] | null;
            /** @description The rule that decided; 0 where none did. */
            rule: components["schemas"]["RuleRef"];
            server: components["schemas"]["Peer"];
            time: components["schemas"]["Timestamp"];
            verdict: components["schemas"]["Verdict"];
        };
        /** @description Addresses and ports of a connection, from its opener to its server. */
        FlowTuple: {
            client_address: string;
            /**
             * Format: int32
             * @description 0 for protocols without ports and for ICMP.
             */
            client_port: number;
            protocol: components["schemas"]["IpProtocol"];
            server_address: string;
            /**
             * Format: int32
             * @description As [`crate::EdgeKey::port`].
             */
            server_port: number;
        };
        /** @description A catalogue of requirements. */
        FrameworkInfo: {
            /** @description What of it is looked at. */
            about: string;
            /** @description `pci-dss`, `nist-800-53`, `nist-800-207`, `cis-kubernetes` */
            id: string;
            /** @description Whether most of it is about a zone, which has to be named. */
            needs_zone: boolean;
            /**
             * Format: int32
             * @description How many requirements are looked at.
             */
            requirements: number;
            /** @description With the version that the numbers of requirements are of. */
            title: string;
        };
        Gap: {
            remedy: string;
            what: string;
        };
        /** @description A condition for promotion that time alone does not meet. */
        Gate: {
            armed: boolean;
            /** @description `bound`, `pace`, `observation`, `open-ended`, `restart`, `calendar`, `deployment`, `sensor`. */
            name: string;
            /** @description Why it is (not) armed. */
            sentence: string;
        };
        /** @description When a service that was promoted on evidence is treated as in Monitor for a while. */
        GateSettings: {
            /**
             * @description Hours of weekdays and of the weekend that were never watched.
             * @default true
             */
            calendar: boolean;
            /**
             * Format: int32
             * @description So many hours after a new image was deployed, what is new with it only alerts. This is an attack window; 0
             *     closes it.
             * @default 6
             */
            deployment_hours: number;
            /**
             * @description The first minutes after a start, until two starts were watched.
             * @default true
             */
            startup: boolean;
        };
        /** @description The connection graph. */
        Graph: {
            edges: components["schemas"]["JudgedEdge"][];
            nodes: components["schemas"]["GraphNode"][];
            /** Format: int64 */
            revision: number;
            time: components["schemas"]["Timestamp"];
        };
        /** @description A change of the graph, as the data of a server-sent event named `graph`. */
        GraphChange: (components["schemas"]["JudgedEdge"] & {
            /** @enum {string} */
            type: "edge";
        }) | (components["schemas"]["GraphNode"] & {
            /** @enum {string} */
            type: "node";
        }) | {
            peer: components["schemas"]["Peer"];
            /** @enum {string} */
            type: "node-removed";
        } | {
            id: string;
            /** @enum {string} */
            type: "edge-removed";
        } | {
            /** Format: int64 */
            lost: number;
            /** @enum {string} */
            type: "resync";
        };
        /** @description The connection graph as columns: what a picture of it needs, at a tenth of the size of [`Graph`]. */
        GraphColumns: {
            /** @description Applications of edges, likewise. */
            applications: components["schemas"]["Application"][];
            edges: components["schemas"]["EdgeColumns"];
            nodes: components["schemas"]["GraphNode"][];
            /** @description Ends of edges, which name them by their place in this list. */
            peers: components["schemas"]["Peer"][];
            /** Format: int64 */
            revision: number;
            time: components["schemas"]["Timestamp"];
        };
        GraphNode: {
            /**
             * Format: int64
             * @description Connections denied in the last 24 hours, as either end.
             */
            denied: number;
            first_seen: components["schemas"]["Timestamp"];
            mode?: components["schemas"]["Mode"] | null;
            open_ended: boolean;
            peer: components["schemas"]["Peer"];
            /**
             * Format: double
             * @description Upper 95 % bound on a new edge within the next hour; absent where nothing is estimated.
             */
            upper_hour?: number | null;
            /** Format: int64 */
            workloads: number;
            /** Format: int64 */
            would_deny: number;
        };
        /**
         * Format: int32
         * @description The number by which the kernel knows a service or another peer.
         *
         *     Layout: `0..=15` are reserved peers, `256..2^24` are services, and from `2^24` on are *external atoms*: sets of
         *     addresses that every rule treats alike (see `bulkhead_policy`'s compiler).
         */
        Identity: number;
        /** @description One interface of the workload on one of its networks. */
        Interface: {
            addresses: string[];
            /** @description Ethernet address, where the runtime says it. */
            mac?: number[] | null;
            /** @description The runtime's name of the network: `bridge`, `shop_backend`. */
            network: string;
        };
        /**
         * @description IP protocol: a name or a number
         * @example tcp
         */
        IpProtocol: string;
        /** @description Whether anything crosses the border of a zone that nobody answers for. */
        Isolation: {
            /**
             * Format: int64
             * @description Pairs of ends that were asked about, each over all protocols, ports and applications.
             */
            checked: number;
            /** @description What may cross as things are now, each with whether it is answered for. */
            crossings: components["schemas"]["ZoneCrossing"][];
            /** @description Why what is enforced may differ from what the policy says. */
            doubts: string[];
            /** @description Peers that may get in over others, within three steps; at most 200. */
            indirect: components["schemas"]["ZoneDetour"][];
            /** Format: int64 */
            indirect_total: number;
            /** @description Members whose mode holds nothing back. */
            not_enforcing: components["schemas"]["ServiceName"][];
            /** @description What crossed, or tried to: the most recent first, at most 200. */
            observed: components["schemas"]["ZoneTraffic"][];
            /**
             * Format: int64
             * @description How many different connections were seen across the border.
             */
            observed_total: number;
            sentence: string;
            status: components["schemas"]["IsolationStatus"];
        };
        /** @enum {string} */
        IsolationStatus: "proved" | "open" | "not-enforced" | "unproved" | "empty";
        /** @description An edge and what the policy in force says of it. */
        JudgedEdge: components["schemas"]["Edge"] & {
            egress?: components["schemas"]["SideVerdict"] | null;
            /** @description Why it is not learned without a decision: it came with a scan, or was denied by hand. */
            flagged?: string | null;
            /** @description Stable identifier of the edge: `client|server|protocol|port|application`. */
            id: string;
            ingress?: components["schemas"]["SideVerdict"] | null;
            /** @description Names that were resolved for an external server, newest first. */
            names: string[];
            /** @description Processes seen behind it, newest first, at most eight. */
            processes: components["schemas"]["Process"][];
            /**
             * Format: double
             * @description Packets per second, both directions, over the last minute.
             */
            rate: number;
            /** @description Of the connection as a whole: what a connection on this edge meets now. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description How well a service is known, as numbers and as one sentence. */
        LearningSummary: {
            /**
             * Format: double
             * @description Share of the service's connections whose edge is known, 0 to 1.
             */
            coverage: number;
            /** Format: int64 */
            edges: number;
            /**
             * Format: double
             * @description New edges to be expected in the next day.
             */
            expected_new_day: number;
            gates: components["schemas"]["Gate"][];
            /** @description What limits confidence, each as a sentence. */
            limits: string[];
            /**
             * Format: double
             * @description Hours observed with a healthy sensor.
             */
            observed_hours: number;
            /** @description Keeps finding new peers by its nature (crawler, proxy, mail): never complete. */
            open_ended: boolean;
            /** @description Whether the evidence suffices for the profile. Gates that are not armed may still hold enforcement back. */
            ready: boolean;
            /** @description All of it in one sentence. */
            sentence: string;
            /**
             * Format: double
             * @description The same for the next day.
             */
            upper_day: number;
            /**
             * Format: double
             * @description Upper 95 % bound on the chance that the next hour shows an edge never seen, 0 to 1.
             */
            upper_hour: number;
        };
        /**
         * @description What is done with the connections of a service. Ordered by how much is held back.
         * @enum {string}
         */
        Mode: "learn" | "monitor" | "enforce" | "quarantine";
        ModeChange: {
            mode: components["schemas"]["Mode"];
            reason?: string | null;
        };
        /** @description Services by mode. */
        ModeCounts: {
            /** Format: int64 */
            enforce: number;
            /** Format: int64 */
            learn: number;
            /** Format: int64 */
            monitor: number;
            /** Format: int64 */
            quarantine: number;
        };
        /** @description A narrower rule, and what it would deny of the recorded traffic. */
        Narrowing: {
            /**
             * Format: int64
             * @description Seen connections that it would deny.
             */
            denies_connections: number;
            id: string;
            rule: string;
            yaml: string;
        };
        /** @description How well the node's sensor and enforcement are. */
        NodeHealth: {
            /** @description `tcx` or `clsact`. */
            attach_kind: string;
            /**
             * Format: int32
             * @description Endpoints with programs attached.
             */
            endpoints: number;
            /** @description Whether the first-packet gate is installed. */
            gate: boolean;
            kernel: string;
            /**
             * Format: int64
             * @description Events that the kernel could not hand over since start.
             */
            lost_events: number;
            /** @description Promises that do not hold on this node, each as a sentence with its remedy. */
            not_covered: string[];
            /**
             * @description Packets that the kernel programs counted since their tables were made, by what became of them: `malformed`,
             *     `fragment`, `spoof` (told, and dropped where that is enforced), `unidentified` (from or to an interface of nobody
             *     known), `denied` by the policy, `answered` with a refusal, `other-ethertype`; `decisions` asked the policy.
             */
            packets?: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Revision that the kernel enforces.
             */
            revision: number;
            /** @description Fill of the kernel tables. */
            tables: components["schemas"]["TableFill"][];
            time: components["schemas"]["Timestamp"];
        };
        NodeStatus: {
            health: components["schemas"]["NodeHealth"];
            last_report: components["schemas"]["Timestamp"];
            name: string;
        };
        Output: {
            enabled?: boolean;
            /** @description At least this severity. */
            min_severity?: components["schemas"]["Severity"];
            /** @description Unique; letters, digits, `-`, `_`. */
            name: string;
            status?: components["schemas"]["OutputStatus"] | null;
            target: components["schemas"]["OutputTarget"];
            /** @description Only these types; all where empty. */
            types?: string[];
        };
        OutputStatus: {
            last_error?: string | null;
            last_success?: components["schemas"]["Timestamp"] | null;
            /**
             * Format: int64
             * @description Dropped because the spool was full.
             */
            lost: number;
            /**
             * Format: int64
             * @description Waiting in the spool.
             */
            queued: number;
            /** Format: int64 */
            sent: number;
        };
        OutputTarget: {
            /** @description `host:port` */
            address: string;
            /** @description PEM of the certificate authority, for TLS; the system's where absent. */
            ca_pem?: string | null;
            format?: components["schemas"]["SyslogFormat"];
            /** @enum {string} */
            kind: "syslog";
            transport: components["schemas"]["SyslogTransport"];
        } | {
            ca_pem?: string | null;
            format?: components["schemas"]["WebhookFormat"];
            /** @enum {string} */
            kind: "webhook";
            /** @description Key of the HMAC-SHA256 in `X-Bulkhead-Signature`. Answers say `***`; PUT of `***` keeps what is stored. */
            secret?: string | null;
            /** @description `https://...`, or `http://` for addresses of the own network. */
            url: string;
        };
        /** @description What became of a test message. */
        OutputTest: {
            delivered: boolean;
            /** @description What the other side said, or why it could not be reached. */
            message: string;
            /** Format: int64 */
            milliseconds: number;
        };
        /** @description Systems that events are sent to. PUT replaces all of them. */
        Outputs: {
            outputs: components["schemas"]["Output"][];
        };
        /** @description A parent of a process. */
        ParentProcess: {
            command_line: string;
            executable: string;
            /**
             * Format: int32
             * @description In the host's namespace.
             */
            pid: number;
        };
        /** @description What was counted on an edge in that time. */
        PastEdge: {
            /** Format: int64 */
            bytes: number;
            /** Format: int64 */
            connections: number;
            /** Format: int64 */
            denied: number;
            edge: components["schemas"]["EdgeKey"];
            /** @description Starts of the first and of the last step in which something was counted. */
            first_step: components["schemas"]["Timestamp"];
            /** @description As the edge is called today. */
            id: string;
            last_step: components["schemas"]["Timestamp"];
            /** Format: int64 */
            packets: number;
            /** @description The worst that a connection met then. */
            verdict: components["schemas"]["Verdict"];
            /** Format: int64 */
            would_deny: number;
        };
        /** @description The connection graph of a stretch of time that has passed, in whole steps. */
        PastGraph: {
            edges: components["schemas"]["PastEdge"][];
            sentence: string;
            since: components["schemas"]["Timestamp"];
            until: components["schemas"]["Timestamp"];
        };
        /** @description One end of an edge. JSON: `{"kind": "service", "name": "shop/redis"}`, `{"kind": "world"}`. */
        Peer: {
            /** @enum {string} */
            kind: "service";
            name: components["schemas"]["ServiceName"];
        } | {
            /** @enum {string} */
            kind: "external";
            name: components["schemas"]["ExternalName"];
        } | {
            /** @enum {string} */
            kind: "host";
        } | {
            /** @enum {string} */
            kind: "remote-host";
        } | {
            /** @enum {string} */
            kind: "world";
        } | {
            /** @enum {string} */
            kind: "multicast";
        } | {
            /** @enum {string} */
            kind: "unknown";
        };
        /** @description A policy document as stored. */
        Policy: {
            /** Format: int32 */
            egress_rules: number;
            /** @description What is suspicious about it: rules that can never match, and the like. */
            findings: components["schemas"]["Finding"][];
            /** Format: int32 */
            ingress_rules: number;
            kind: string;
            mode?: components["schemas"]["Mode"] | null;
            name: string;
            namespace: string;
            origin: components["schemas"]["RuleOrigin"];
            /**
             * Format: int64
             * @description Revision that last changed it.
             */
            revision: number;
            /** @description The set that manages it; absent where it was written by hand. */
            set?: string | null;
            /** @description What it applies to, as one line. */
            target: string;
            updated: components["schemas"]["Timestamp"];
            updated_by: string;
            /** @description The document as YAML that can be applied. */
            yaml: string;
        };
        PolicyChange: {
            action: components["schemas"]["ChangeAction"];
            name: string;
            namespace: string;
            origin: components["schemas"]["RuleOrigin"];
            /** @description What changes, in words. */
            summary: string;
        };
        PolicyHistory: {
            /** @description Newest first. */
            items: components["schemas"]["PolicyRevision"][];
            next?: string | null;
        };
        PolicyList: {
            items: components["schemas"]["Policy"][];
            /** Format: int64 */
            revision: number;
        };
        /** @description One document to put in the place of the one with its name. */
        PolicyPut: {
            /** @description Take the document over from the set that manages it. */
            force_conflicts?: boolean;
            /**
             * Format: int64
             * @description Refuse where the stored document has another revision: somebody else was faster.
             */
            if_revision?: number | null;
            yaml: string;
        };
        /** @description A state of all documents. */
        PolicyRevision: {
            actor: string;
            /** @description From the revision before, as unified diff. */
            diff: string;
            /** Format: int64 */
            revision: number;
            summary: string;
            time: components["schemas"]["Timestamp"];
        };
        /** @description The process behind a connection. */
        Process: {
            /** @description At most 256 bytes of its command line, arguments separated by blanks. */
            command_line: string;
            /** @description Absolute path of its executable as the process sees it. */
            executable: string;
            /**
             * @description Its parents at that moment, nearest first, as far as its container goes: at most eight. A process whose parent
             *     has ended belongs to the first of the container. Empty where nothing is known for certain.
             */
            parents?: components["schemas"]["ParentProcess"][];
            /**
             * Format: int32
             * @description In the host's namespace.
             */
            pid: number;
            /** Format: int32 */
            uid: number;
        };
        /**
         * @description How much evidence promotion asks for.
         * @enum {string}
         */
        Profile: "fast" | "default" | "strict";
        /** @description Where a service stands on its way. */
        Progress: {
            /** @enum {string} */
            stage: "learning";
        } | {
            clean_until: components["schemas"]["Timestamp"];
            since: components["schemas"]["Timestamp"];
            /** @enum {string} */
            stage: "shadow";
            /** Format: int64 */
            would_deny: number;
        } | {
            /** Format: int64 */
            denied: number;
            since: components["schemas"]["Timestamp"];
            /** @enum {string} */
            stage: "canary";
            until: components["schemas"]["Timestamp"];
        } | {
            since: components["schemas"]["Timestamp"];
            /** @enum {string} */
            stage: "settled";
        } | {
            at: components["schemas"]["Timestamp"];
            reason: string;
            /** @enum {string} */
            stage: "rolled-back";
        } | {
            reason: string;
            since: components["schemas"]["Timestamp"];
            /** @enum {string} */
            stage: "quarantined";
        };
        /** @description What would happen if the service went to another mode now. */
        PromotionPreview: {
            /** @description From the policy in force to that one, as unified diff. */
            diff: string;
            from: components["schemas"]["Mode"];
            learning: components["schemas"]["LearningSummary"];
            /** @description The learned policy that would be in force. */
            policy_yaml: string;
            /** @description Whether evidence alone would promote it. */
            ready: boolean;
            sentence: string;
            service: components["schemas"]["ServiceName"];
            to: components["schemas"]["Mode"];
            /** @description Seen edges that would be denied. */
            would_deny: components["schemas"]["JudgedEdge"][];
        };
        Proposal: {
            created: components["schemas"]["Timestamp"];
            created_by: string;
            decided?: components["schemas"]["ProposalDecided"] | null;
            id: string;
            link?: string | null;
            set?: string | null;
            state: components["schemas"]["ProposalState"];
            /** @description What it would change, in words, as of when it was made. */
            summary: string;
            title: string;
        };
        ProposalDecided: {
            actor: string;
            reason: string;
            /**
             * Format: int64
             * @description The revision that it became.
             */
            revision?: number | null;
            time: components["schemas"]["Timestamp"];
        };
        ProposalDecision: {
            accept: boolean;
            /** @description Take documents over from others who manage them. */
            force_conflicts?: boolean;
            reason?: string | null;
        };
        ProposalDetail: components["schemas"]["Proposal"] & {
            documents: string;
            /** @description Why it cannot. */
            obstacle?: string | null;
            preview?: components["schemas"]["ApplyResult"] | null;
        };
        ProposalList: {
            /** @description Newest first. */
            items: components["schemas"]["Proposal"][];
            /** Format: int64 */
            open: number;
        };
        /** @description A change of documents that somebody else is to decide on. */
        ProposalRequest: {
            /** @description As for an apply; so is all that follows. */
            documents: string;
            file?: string | null;
            force_conflicts?: boolean;
            /** @description Where it comes from: a merge request, a pipeline. At most 500 characters. */
            link?: string | null;
            origin?: components["schemas"]["RuleOrigin"] | null;
            prune?: boolean;
            set?: string | null;
            /** @description What it is about, in one line; at most 200 characters. */
            title: string;
        };
        /** @enum {string} */
        ProposalState: "open" | "accepted" | "rejected" | "withdrawn";
        /** @description A port of the host that leads to a port of the workload. */
        PublishedPort: {
            /** Format: int32 */
            container_port: number;
            host_address?: string | null;
            /** Format: int32 */
            host_port: number;
            protocol: components["schemas"]["IpProtocol"];
        };
        QuarantineRequest: {
            reason?: string | null;
        };
        /** @description Whether a packet can ever get from one peer to another, over any number of services. */
        Reach: {
            from: components["schemas"]["Peer"];
            /** @description The shortest way, hop by hop. */
            path: components["schemas"]["ReachHop"][];
            reachable: boolean;
            sentence: string;
            to: components["schemas"]["Peer"];
        };
        ReachHop: {
            from: components["schemas"]["Peer"];
            /** Format: int32 */
            port: number;
            /** @description A witness: protocol and port that pass. */
            protocol: components["schemas"]["IpProtocol"];
            /** @description The rules that let the witness through; none of a side whose mode does. */
            rules?: string[];
            /** @description Whether such a connection was seen. */
            seen: boolean;
            /** @description All that passes on this hop, as text: `tcp/6379, udp/53`. */
            through: string;
            to: components["schemas"]["Peer"];
        };
        Reacher: {
            /** Format: int32 */
            hops: number;
            /** @description The side whose policy is not enforced and therefore lets it pass; absent where the policy allows it. */
            open_because?: string | null;
            peer: components["schemas"]["Peer"];
            /** @description The rules that let one such flow through on the last hop; none of a side whose mode does. */
            rules?: string[];
            /** @description Whether a direct connection was seen. */
            seen: boolean;
            /** @description All that passes on the last hop, as text. */
            through: string;
        };
        /** @description A report: what a framework asks for, what was found, and the evidence. */
        Report: {
            evidence: components["schemas"]["Evidence"][];
            framework: components["schemas"]["FrameworkInfo"];
            /** @description What this report cannot say, whatever its requirements say. */
            limits: string[];
            made: components["schemas"]["Timestamp"];
            requirements: components["schemas"]["Requirement"][];
            /** @description `bulkhead.dev/report/v1alpha1` */
            schema: string;
            source: components["schemas"]["ReportSource"];
            summary: components["schemas"]["ReportSummary"];
            /** @description The zone that it is about; the whole estate where absent. */
            zone?: string | null;
        };
        /** @description What reports can be made for, and with which key they are signed. */
        ReportFrameworks: {
            items: components["schemas"]["FrameworkInfo"][];
            key: components["schemas"]["ReportKey"];
        };
        /** @description The key that signs reports; whoever notes its fingerprint can check reports offline. */
        ReportKey: {
            /** @description `ed25519` */
            algorithm: string;
            /** @description `sha256:` and the hash of the public key. */
            fingerprint: string;
            /** @description The public key in PEM. */
            pem: string;
        };
        /** @description What a report was made from. */
        ReportSource: {
            /** @description Hash of the newest entry of the audit log; absent for files. */
            audit_head?: string | null;
            kind: components["schemas"]["SourceKind"];
            /** @description Names of the nodes, or of the files. */
            names: string[];
            /**
             * Format: int64
             * @description Of the policy; absent for files.
             */
            revision?: number | null;
            /** @description Version of Bulkhead. */
            version: string;
        };
        ReportSummary: {
            /** Format: int32 */
            met: number;
            /** Format: int32 */
            not_decidable: number;
            /** Format: int32 */
            not_met: number;
            sentence: string;
        };
        /** @description One requirement and what was found. */
        Requirement: {
            /** @description What it asks for, in our words. */
            asks: string;
            /** @description Identifiers of [`Evidence`]. */
            evidence: string[];
            /** @description What is missing and what to do; not empty where it is not met. */
            gaps: components["schemas"]["Gap"][];
            /** @description As the framework numbers it. */
            number: string;
            /** @description Why this status. */
            reason: string;
            status: components["schemas"]["RequirementStatus"];
        };
        /** @enum {string} */
        RequirementStatus: "met" | "not-met" | "not-decidable";
        RestoreRequest: {
            dry_run?: boolean;
            /** Format: int64 */
            revision: number;
        };
        Retention: {
            /**
             * Format: int32
             * @description Lines of the audit log that are older are removed. The hash of the last of them is kept, so that the rest can be
             *     verified.
             * @default 730
             */
            audit_days: number;
            /**
             * Format: int32
             * @description Edges unused for longer are forgotten, unless a policy in force speaks of them.
             * @default 90
             */
            edge_days: number;
            /**
             * Format: int32
             * @description Events older than this are removed.
             * @default 30
             */
            event_days: number;
            /**
             * Format: int32
             * @description History of the graph that is older is removed.
             * @default 30
             */
            history_days: number;
            /**
             * Format: int64
             * @description Oldest events, history and revisions go once the database is larger; the newest thousand events and lines of
             *     history, ten revisions and the audit log stay.
             * @default 1024
             */
            max_megabytes: number;
            /**
             * Format: int32
             * @description So many revisions of the policy are kept, each with all documents.
             * @default 1000
             */
            revisions: number;
        };
        ReviewDecision: {
            decision: components["schemas"]["Decision"];
            id: string;
            /** @description With `accept`: the `id` of a narrower rule to be accepted in its place. */
            narrow?: string | null;
            /**
             * @description With `accept`: a rule to be accepted in its place, as YAML in the form of the item's. It may allow less than the
             *     learned one, and nothing more.
             */
            rule?: string | null;
        };
        /** @description A learned rule that waits for a decision, or has one. */
        ReviewItem: {
            decision?: components["schemas"]["Decided"] | null;
            direction: components["schemas"]["Direction"];
            /** @description The edges it comes from. */
            evidence: components["schemas"]["JudgedEdge"][];
            /** @description Why a person should look: scan, open-ended, seen once, ...; empty where nothing is odd. */
            flags: string[];
            id: string;
            kind?: components["schemas"]["ReviewKind"];
            /** @description Narrower rules that could be accepted in its place. */
            narrower: components["schemas"]["Narrowing"][];
            /** @description The rule as one line for people. */
            rule: string;
            /** @description The service whose policy the rule belongs to. */
            service: components["schemas"]["ServiceName"];
            /** @description The rule as YAML of its document's list. */
            yaml: string;
        };
        /**
         * @description Where a rule of the queue comes from.
         * @enum {string}
         */
        ReviewKind: "learned" | "declared" | "proposal";
        ReviewList: {
            items: components["schemas"]["ReviewItem"][];
            /** Format: int64 */
            undecided: number;
        };
        /** @description Rules by what they are about; all that is given must fit. */
        ReviewPattern: {
            /** @description Those that are decided too; always so with `undo`. */
            decided?: boolean;
            decision: components["schemas"]["Decision"];
            direction?: components["schemas"]["Direction"] | null;
            /** @description A part of one of the flags: `scan`. */
            flag?: string | null;
            kind?: components["schemas"]["ReviewKind"] | null;
            /** @description The peer, likewise: `203.0.113.*`, `world`, `*.example.com`. */
            peer?: string | null;
            /** Format: int32 */
            port?: number | null;
            /** @description The service, with `*` for any text: `shop/*`. */
            service?: string | null;
        };
        ReviewRequest: {
            decisions?: components["schemas"]["ReviewDecision"][];
            /** @description Say what would change, and change nothing. */
            dry_run?: boolean;
            pattern?: components["schemas"]["ReviewPattern"] | null;
        };
        ReviewResult: {
            /** Format: int64 */
            decided: number;
            /** @description Of the learned documents, as unified diff. */
            diff: string;
            dry_run?: boolean;
            /** Format: int64 */
            revision: number;
            /** @description What takes exactly this back: each rule is left as it was before, decided or not. */
            undo?: components["schemas"]["ReviewDecision"][];
        };
        /**
         * @description What a credential may do; each role may do all that the one before it may.
         * @enum {string}
         */
        Role: "viewer" | "proposer" | "operator" | "admin";
        /** @description A rule by name. */
        RuleInfo: {
            allow: boolean;
            direction: components["schemas"]["Direction"];
            origin: components["schemas"]["RuleOrigin"];
            /** @description `namespace/name` of the document. */
            policy: string;
            /**
             * Format: int32
             * @description Position in the document's list of that direction, from 0.
             */
            position: number;
            reference: components["schemas"]["RuleRef"];
            /** @description The rule as one line for people. */
            text: string;
        };
        /**
         * @description Where a rule comes from; the order is the order of the tiers, first decides first.
         * @enum {string}
         */
        RuleOrigin: "declared" | "user" | "imported" | "learned";
        /**
         * Format: int32
         * @description The number by which kernel tables, flows and events name the rule that decided. `NONE` says that no rule matched.
         */
        RuleRef: number;
        /** @description When fan-out counts as a scan. */
        ScanThresholds: {
            /**
             * Format: int32
             * @description Distinct new peers and ports within the window.
             * @default 20
             */
            targets: number;
            /**
             * Format: int32
             * @default 60
             */
            window_seconds: number;
        };
        /** @description Services by where they stand. */
        ScopeCounts: {
            /** Format: int64 */
            connected_to: number;
            /** Format: int64 */
            in_scope: number;
            /** Format: int64 */
            out_of_scope: number;
            /** Format: int64 */
            security_impacting: number;
        };
        Seal: {
            signature?: components["schemas"]["Signature"] | null;
            statement: components["schemas"]["Statement"];
        };
        /** @description A report with its seal. */
        SealedReport: {
            report: components["schemas"]["Report"];
            seal: components["schemas"]["Seal"];
        };
        /** @description Everything about one service. */
        ServiceDetail: components["schemas"]["ServiceSummary"] & {
            /** @description Whose word `automation` is. */
            automation_by?: components["schemas"]["AutomationBy"];
            curve: components["schemas"]["CurvePoint"][];
            /** @description What it connects to. */
            egress: components["schemas"]["JudgedEdge"][];
            /** @description Who connects to it. */
            ingress: components["schemas"]["JudgedEdge"][];
            /** @description Running workloads, `summary.workloads` of them. */
            instances: components["schemas"]["Workload"][];
            /** @description What it waits for, in a sentence: why it is not promoted yet, or what would take it back. */
            outlook?: string;
            /** @description Events that changed what the service may do, or what is known of it; newest first. */
            timeline: components["schemas"]["Event"][];
        };
        ServiceList: {
            items: components["schemas"]["ServiceSummary"][];
            next?: string | null;
        };
        /**
         * @description namespace/name of a service
         * @example shop/redis
         */
        ServiceName: string;
        ServiceSummary: {
            automation: components["schemas"]["Automation"];
            /**
             * Format: int64
             * @description Connections denied in the last 24 hours, as either end.
             */
            denied_24h: number;
            first_seen: components["schemas"]["Timestamp"];
            identity: components["schemas"]["Identity"];
            images: string[];
            last_seen: components["schemas"]["Timestamp"];
            learning: components["schemas"]["LearningSummary"];
            mode: components["schemas"]["Mode"];
            name: components["schemas"]["ServiceName"];
            progress: components["schemas"]["Progress"];
            /**
             * Format: int64
             * @description Of these, how many no mode confines, or not in all of their networks (`instances[].unconfined` says why).
             */
            unconfined?: number;
            /**
             * Format: int64
             * @description Running workloads.
             */
            workloads: number;
            /** Format: int64 */
            would_deny_24h: number;
        };
        /** @description Who the caller is. */
        Session: {
            /** @description To be sent as `X-Bulkhead-CSRF` with every unsafe method of a cookie session; absent for bearer tokens. */
            csrf?: string | null;
            expires?: components["schemas"]["Timestamp"] | null;
            /** @description Name of the token behind the session. */
            name: string;
            role: components["schemas"]["Role"];
        };
        /** @description Exchanges a token for a session cookie. */
        SessionRequest: {
            token: string;
        };
        /** @description What can be changed while the controller runs. PUT replaces all of it. */
        Settings: {
            /**
             * @description Promote services without being asked, where nothing else is set for them.
             * @default false
             */
            automatic: boolean;
            /**
             * @description Automation by namespace, zone or label; the first that fits is taken.
             * @default []
             */
            automation: components["schemas"]["AutomationRule"][];
            /**
             * @default {
             *       "calendar": true,
             *       "deployment_hours": 6,
             *       "startup": true
             *     }
             */
            gates: components["schemas"]["GateSettings"];
            /** @default default */
            profile: components["schemas"]["Profile"];
            /**
             * @default {
             *       "audit_days": 730,
             *       "edge_days": 90,
             *       "event_days": 30,
             *       "history_days": 30,
             *       "max_megabytes": 1024,
             *       "revisions": 1000
             *     }
             */
            retention: components["schemas"]["Retention"];
            /**
             * @default {
             *       "targets": 20,
             *       "window_seconds": 60
             *     }
             */
            scan: components["schemas"]["ScanThresholds"];
        };
        /** @enum {string} */
        Severity: "info" | "notice" | "warning" | "critical";
        /** @description One side's judgement. */
        SideVerdict: {
            /** @description Whether the side's policy allows it, whatever the mode. */
            allowed: boolean;
            direction: components["schemas"]["Direction"];
            mode: components["schemas"]["Mode"];
            rule?: components["schemas"]["RuleInfo"] | null;
            service: components["schemas"]["ServiceName"];
            /** @description What this side does with a connection. */
            verdict: components["schemas"]["Verdict"];
        };
        Signature: {
            /** @description `ed25519` */
            algorithm: string;
            /** @description The public key, 32 bytes in hexadecimal. */
            key: string;
            /** @description Of the statement as canonical JSON, 64 bytes in hexadecimal. */
            value: string;
        };
        SimulateRequest: {
            documents: string;
            /** @description Judge as if every service were in Enforce. */
            enforce?: boolean;
            /** @description Judge as if the services that these documents target were in Enforce, and the others as they are. */
            enforce_targeted?: boolean;
        };
        Simulation: {
            changes: components["schemas"]["VerdictChange"][];
            /** Format: int64 */
            edges: number;
            findings: components["schemas"]["Finding"][];
            sentence: string;
        };
        /** @enum {string} */
        SourceKind: "estate" | "files";
        /** @description What is vouched for. Hashes are SHA-256 in hexadecimal. */
        Statement: {
            /** @description Of every evidence table, by its identifier. */
            evidence: {
                [key: string]: string;
            };
            /** @description Identifier of the framework. */
            framework: string;
            /** @description Of the HTML page without its seal. */
            html: string;
            made: components["schemas"]["Timestamp"];
            /** @description Of the Markdown text without its seal. */
            markdown: string;
            /** @description Of the report as canonical JSON. */
            report: string;
            /** Format: int64 */
            revision?: number | null;
            /** @description `bulkhead.dev/report/v1alpha1` */
            schema: string;
            zone?: string | null;
        };
        /** @description The estate at a glance. */
        Status: {
            /** @description Whether services are promoted without being asked for, where nothing else is set for them. */
            automatic: boolean;
            /** @description What is wrong at the moment. */
            degraded: components["schemas"]["Degradation"][];
            /**
             * Format: int64
             * @description Each counted once, also where both of its ends are services (which count it each, in their own numbers).
             */
            denied_24h: number;
            /** Format: int64 */
            edges: number;
            /**
             * Format: int64
             * @description The oldest revision that a node still enforces; equal to `revision` once every node follows.
             */
            enforced_revision: number;
            /**
             * Format: double
             * @description How many times faster than the wall clock learning believes time to pass. Anything but 1 is for demonstrations:
             *     figures of learning do not hold then.
             */
            learn_scale: number;
            /**
             * Format: int64
             * @description Events lost by nodes, store or streams since start.
             */
            lost_events: number;
            nodes: components["schemas"]["NodeStatus"][];
            /** @description Promises that do not hold, each as a sentence with its remedy. */
            not_covered: string[];
            /**
             * Format: int64
             * @description Of the policy as it is wanted.
             */
            revision: number;
            /** @description The state of the estate as one sentence with numbers. */
            sentence: string;
            services: components["schemas"]["ModeCounts"];
            started: components["schemas"]["Timestamp"];
            store: components["schemas"]["StoreStatus"];
            /** @description The server's clock at the time of the answer. */
            time: components["schemas"]["Timestamp"];
            /** Format: int64 */
            uptime_seconds: number;
            version: string;
            /** Format: int64 */
            workloads: number;
            /** Format: int64 */
            would_deny_24h: number;
        };
        StoreStatus: {
            /**
             * Format: int64
             * @description Size of the database on disk.
             */
            bytes: number;
            /** Format: int64 */
            events: number;
            oldest_event?: components["schemas"]["Timestamp"] | null;
            /**
             * Format: int64
             * @description Records that wait to be written.
             */
            pending: number;
        };
        /** @enum {string} */
        SyslogFormat: "rfc5424" | "cef";
        /** @enum {string} */
        SyslogTransport: "udp" | "tcp" | "tls";
        TableFill: {
            /** Format: int64 */
            capacity: number;
            /** Format: int64 */
            entries: number;
            name: string;
            /**
             * Format: int64
             * @description Entries that found no room since the agent started.
             */
            refused?: number;
        };
        /** @description What was counted over time, for a slider. */
        Timeline: {
            oldest?: components["schemas"]["Timestamp"] | null;
            points: components["schemas"]["TimelinePoint"][];
            /**
             * Format: int64
             * @description Length of a step in milliseconds; steps older than two days are an hour long.
             */
            step: number;
        };
        /** @description One step, in order of time; steps in which nothing was counted are left out. */
        TimelinePoint: {
            /** Format: int64 */
            connections: number;
            /** Format: int64 */
            denied: number;
            /**
             * Format: int64
             * @description Edges on which something was counted.
             */
            edges: number;
            /**
             * Format: int64
             * @description Edges that are in no older step.
             */
            new_edges: number;
            start: components["schemas"]["Timestamp"];
            /** Format: int64 */
            would_deny: number;
        };
        /**
         * Format: int64
         * @description A point in wall-clock time: milliseconds since 1970-01-01T00:00:00Z. Serialised as a JSON number.
         */
        Timestamp: number;
        /** @description An API token, without its secret, which is shown once and stored as a hash alone. */
        Token: {
            created: components["schemas"]["Timestamp"];
            /** @description Name of the token that created it. */
            created_by: string;
            expires?: components["schemas"]["Timestamp"] | null;
            id: string;
            last_used?: components["schemas"]["Timestamp"] | null;
            name: string;
            role: components["schemas"]["Role"];
        };
        TokenList: {
            items: components["schemas"]["Token"][];
        };
        TokenRequest: {
            /**
             * Format: int64
             * @description Without it the token does not expire.
             */
            expires_in_seconds?: number | null;
            /** @description At most 64 characters; need not be unique. */
            name: string;
            role: components["schemas"]["Role"];
        };
        /** @description A candidate policy that runs, or ran, beside the policy in force. */
        Trial: {
            /** @description What the candidate changes. */
            changes: components["schemas"]["PolicyChange"][];
            counts: components["schemas"]["TrialCounts"];
            /**
             * Format: int64
             * @description Connections that passed, were expected, and would be denied: the one number that matters.
             */
            denials_of_expected: number;
            ended?: components["schemas"]["Timestamp"] | null;
            /** @description When its time is over. */
            ends: components["schemas"]["Timestamp"];
            id: string;
            judge: components["schemas"]["TrialJudge"];
            name?: string | null;
            sentence: string;
            started: components["schemas"]["Timestamp"];
            started_by: string;
            state: components["schemas"]["TrialState"];
        };
        /** @description Connections since the trial began. */
        TrialCounts: {
            /**
             * Format: int64
             * @description All that were judged.
             */
            connections: number;
            /** Format: int64 */
            edges: number;
            /**
             * Format: int64
             * @description Not judged: the nodes did not tell the candidate's external addresses apart yet, or too many edges were there.
             */
            not_judged: number;
            /**
             * Format: int64
             * @description Were denied, and would pass.
             */
            would_allow: number;
            /**
             * Format: int64
             * @description Passed, and would be denied.
             */
            would_deny: number;
            /**
             * Format: int64
             * @description Of these, those that were expected.
             */
            would_deny_expected: number;
        };
        /** @description A trial with all that it found. */
        TrialDetail: components["schemas"]["Trial"] & {
            /** @description From the policy in force to the candidate when the trial began, as unified diff. */
            diff: string;
            /** @description Edges whose connections would fare otherwise: expected ones that would be denied first, most connections first. */
            edges: components["schemas"]["TrialEdge"][];
        };
        /** @description Connections of one edge that would fare otherwise. */
        TrialEdge: {
            /** @description Why they were, or were not. */
            because: string;
            /** Format: int64 */
            connections: number;
            edge: components["schemas"]["EdgeKey"];
            effect: components["schemas"]["TrialEffect"];
            /** @description Whether the connections were expected: learned, declared, known of other services of the image. */
            expected: boolean;
            /** @description Within the trial. */
            first_seen: components["schemas"]["Timestamp"];
            last_seen: components["schemas"]["Timestamp"];
            rule?: components["schemas"]["RuleInfo"] | null;
            /** @description The service on whose side the candidate decides. */
            service: components["schemas"]["ServiceName"];
        };
        /** @enum {string} */
        TrialEffect: "would-deny" | "would-allow";
        /**
         * @description In which modes a trial judges.
         * @enum {string}
         */
        TrialJudge: "changed" | "modes" | "enforce";
        TrialList: {
            /** @description Newest first. */
            items: components["schemas"]["Trial"][];
        };
        /** @description Documents to be tried beside the policy in force. Nothing is enforced by them. */
        TrialRequest: {
            /** @description One or more YAML documents, as for an apply. */
            documents: string;
            judge?: components["schemas"]["TrialJudge"];
            /** @description For people; at most 100 characters. */
            name?: string | null;
            origin?: components["schemas"]["RuleOrigin"] | null;
            /** @description As for an apply. */
            prune?: boolean;
            /**
             * Format: int64
             * @description How long, in seconds: from 1 second to 30 days.
             */
            seconds: number;
        };
        /** @enum {string} */
        TrialState: "running" | "finished" | "stopped";
        /**
         * @description What became of a connection.
         * @enum {string}
         */
        Verdict: "allowed" | "would-deny" | "denied";
        VerdictChange: {
            after: components["schemas"]["Verdict"];
            /** @description What decides afterwards, as one sentence. */
            because: string;
            before: components["schemas"]["Verdict"];
            edge: components["schemas"]["EdgeKey"];
        };
        /** @enum {string} */
        WebhookFormat: "json" | "slack" | "teams" | "otlp";
        WhoCanReach: {
            /** @description Peers that may connect directly. */
            direct: components["schemas"]["Reacher"][];
            /** @description Peers that may get there over others. */
            indirect: components["schemas"]["Reacher"][];
            sentence: string;
            service: components["schemas"]["ServiceName"];
        };
        /** @description One container, pod or host process group. */
        Workload: {
            attachment: components["schemas"]["Attachment"];
            /**
             * @description Names of the environment variables' values that look like `host` or `host:port`, and arguments likewise: a
             *     declared source for learning. Values are never kept in whole, because they hold secrets.
             */
            declared_peers: string[];
            exposes: components["schemas"]["Exposure"][];
            id: components["schemas"]["WorkloadId"];
            image: string;
            /** @description `sha256:...` of the image, where the runtime says it. */
            image_digest?: string | null;
            interfaces: components["schemas"]["Interface"][];
            labels: {
                [key: string]: string;
            };
            /** @description As people know it: the container's name. */
            name: string;
            /** @description Where the runtime keeps its network namespace (`/var/run/docker/netns/...`), where it says so. */
            netns?: string | null;
            owner: components["schemas"]["WorkloadOwner"];
            /**
             * Format: int32
             * @description Process id of its first process in the host's namespace; 0 while it does not run.
             */
            pid: number;
            published: components["schemas"]["PublishedPort"][];
            /** @description `docker`, `containerd/k8s.io`, ... */
            runtime: string;
            service: components["schemas"]["ServiceName"];
            started?: components["schemas"]["Timestamp"] | null;
            /**
             * @description Why what it sends and receives, or a part of it, is not confined whatever its service's mode is, and what to do
             *     about it: in the host's network without a control group of its own, or with an interface that passes by the host
             *     (macvlan, ipvlan, SR-IOV). None where it is confined like any other.
             */
            unconfined?: string | null;
        };
        /** @description The runtime's own identifier of a container (64 hexadecimal characters for Docker), unique on its node. */
        WorkloadId: string;
        /**
         * @description What made the service name out of the workload.
         * @enum {string}
         */
        WorkloadOwner: "label" | "kubernetes" | "compose" | "swarm" | "container-name" | "image";
        /** @description What one member and peers that are treated alike may open to each other. */
        ZoneCrossing: {
            /** @description Conduits, or rules. */
            by: string[];
            /** @description `ingress`: into the zone. */
            direction: components["schemas"]["Direction"];
            /** @description One flow of it: `tcp/6379`. */
            example: string;
            /** @description Why nobody answers for it; absent where somebody does. */
            fault?: string | null;
            member: string;
            /** Format: int64 */
            peer_count: number;
            /** @description The first of them. */
            peers: string[];
            /** @description `tcp/6379 (redis); udp/53`; `all` */
            traffic: string;
            /** @description Whether the policies of both sides allow it; otherwise a mode lets it pass. */
            written: boolean;
        };
        ZoneDetour: {
            /**
             * Format: int32
             * @description Steps that it takes, from 2 on.
             */
            hops: number;
            peer: string;
            /** @description The next on the way. */
            via: string;
        };
        /** @description All zones of an estate. */
        ZoneList: {
            items: components["schemas"]["ZoneStatus"][];
            /** Format: int64 */
            revision?: number | null;
            sentence: string;
            time: components["schemas"]["Timestamp"];
        };
        ZoneMember: {
            mode: components["schemas"]["Mode"];
            service: components["schemas"]["ServiceName"];
            /** @description The zone whose criteria take it in: this one, or one inside of it. */
            through: string;
            /** Format: int64 */
            workloads: number;
        };
        /** @description A zone and what is known of its border. */
        ZoneStatus: {
            /** @description Whether only its conduits lead across its border; otherwise whatever rules allow does. */
            border: boolean;
            conduits: components["schemas"]["ZoneWay"][];
            /** @description Ways across for a time, with an owner, a reason and an end. */
            exceptions: components["schemas"]["ZoneWay"][];
            /** @description External addresses and names that belong to it. */
            externals: string[];
            isolation: components["schemas"]["Isolation"];
            members: components["schemas"]["ZoneMember"][];
            name: string;
            /** @description Who answers for it, and why it is there. */
            owner?: string | null;
            reason?: string | null;
            /** @description The estate as this zone divides it. */
            scope: components["schemas"]["ScopeCounts"];
            /** @description Zones that it is directly inside of. */
            within: string[];
            /** @description Zones directly inside of it. */
            zones: string[];
        };
        /** @description A connection across the border as it was seen. */
        ZoneTraffic: {
            /** @description What allows it. */
            by: string[];
            client: string;
            /** Format: int64 */
            connections: number;
            /**
             * @description It was first seen, and passed, after the policy that denies it was in force: the proof and the traffic contradict
             *     each other.
             */
            contradicts: boolean;
            /** Format: int64 */
            denied: number;
            direction: components["schemas"]["Direction"];
            first_seen: components["schemas"]["Timestamp"];
            last_seen: components["schemas"]["Timestamp"];
            server: string;
            /** @description What a connection on it meets now. */
            verdict: components["schemas"]["Verdict"];
            /** @description `tcp/6379 redis` */
            what: string;
            /** Format: int64 */
            would_deny: number;
            /** @description Whether the policies of both sides allow it, whatever the modes. */
            written: boolean;
        };
        /** @description A conduit or an exception. */
        ZoneWay: {
            /**
             * Format: int64
             * @description Connections seen on it, and the last of them.
             */
            connections: number;
            expired: boolean;
            expires?: components["schemas"]["Timestamp"] | null;
            /** @description Who opens connections: peers as policies write them, or the zone itself. */
            from: string[];
            last_used?: components["schemas"]["Timestamp"] | null;
            name?: string | null;
            owner?: string | null;
            reason?: string | null;
            to: string[];
            /** @description `tcp/5432 (postgresql)`; `all` */
            traffic: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    audit: {
        parameters: {
            query?: {
                /** @description At most this many, newest first; default 100, at most 1000. */
                limit?: number;
                /** @description Only entries older than this sequence number. */
                after?: number;
                actor?: string;
                action?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    verifyAudit: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditVerification"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    automation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AutomationRules"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putAutomation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AutomationRules"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AutomationRules"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    blastRanking: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BlastRanking"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    blastPlan: {
        parameters: {
            query?: {
                /** @description At most so many steps; default 10, at most 50. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BlastPlan"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    blastRadius: {
        parameters: {
            query?: {
                /** @description Only so many steps; without it until nothing more falls. */
                hops?: number;
            };
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BlastRadius"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    edges: {
        parameters: {
            query?: {
                /** @description Text form of the client: `shop/web`, `world`, `host`, an external name. */
                client?: string;
                server?: string;
                verdict?: "allowed" | "would-deny" | "denied";
                /** @description Only edges used since then. */
                since?: number;
                /** @description Only edges first seen since then. */
                new_since?: number;
                /** @description Default 1000, at most 10000. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EdgeList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description One or more types, separated by commas: `denied,would-deny,spoof`. */
                type?: string;
                service?: string;
                /** @description At least this severity. */
                severity?: "info" | "notice" | "warning" | "critical";
                /** @description Only events that happened, or counted on, since then. */
                since?: number;
                /** @description Only events before this number: the `next` of the page before. */
                after?: number;
                /** @description Default 100, at most 1000. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    eventStream: {
        parameters: {
            query?: {
                /** @description One or more types, separated by commas. */
                type?: string;
                service?: string;
                severity?: "info" | "notice" | "warning" | "critical";
                /** @description Replay stored events from this stream position on, where no `Last-Event-ID` is sent. */
                from?: number;
            };
            header?: {
                /** @description Stream position after which to resume */
                "Last-Event-ID"?: number;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events; the schema is that of their data */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["EventMessage"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    flowStream: {
        parameters: {
            query?: {
                /** @description As client or server. */
                service?: string;
                verdict?: "allowed" | "would-deny" | "denied";
                port?: number;
                protocol?: string;
                direction?: "ingress" | "egress";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events; the schema is that of their data */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["FlowMessage"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    graph: {
        parameters: {
            query?: {
                namespace?: string;
                /** @description This service and its direct neighbours. */
                service?: string;
                /** @description Only edges used since then. */
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Graph"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    graphColumns: {
        parameters: {
            query?: {
                namespace?: string;
                /** @description This service and its direct neighbours. */
                service?: string;
                /** @description Only edges used since then. */
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GraphColumns"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    graphStream: {
        parameters: {
            query?: {
                namespace?: string;
                /** @description This service and its direct neighbours. */
                service?: string;
                /** @description Only edges used since then. */
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events; the schema is that of their data */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["GraphChange"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    history: {
        parameters: {
            query?: {
                /** @description A day before `until` where absent. */
                since?: number;
                /** @description Now where absent. */
                until?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Timeline"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    pastGraph: {
        parameters: {
            query?: {
                /** @description An hour before `until` where absent. */
                since?: number;
                /** @description Now where absent. */
                until?: number;
                namespace?: string;
                /** @description This service and its direct neighbours. */
                service?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PastGraph"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    outputs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outputs"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putOutputs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Outputs"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Outputs"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    testOutput: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OutputTest"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    policies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    apply: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApplyRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplyResult"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    effectivePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EffectivePolicy"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    policyHistory: {
        parameters: {
            query?: {
                /** @description Default 50, at most 500. */
                limit?: number;
                /** @description Only revisions before this one. */
                after?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyHistory"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    restore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RestoreRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplyResult"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    policy: {
        parameters: {
            query?: {
                /** @description `json` (default) or `yaml`. */
                format?: string;
            };
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Policy"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putPolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyPut"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplyResult"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deletePolicy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApplyResult"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    explain: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExplainRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    proposals: {
        parameters: {
            query?: {
                /** @description Only those that wait. */
                open?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    propose: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProposalRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    proposal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    withdrawProposal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    decideProposal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProposalDecision"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    reach: {
        parameters: {
            query: {
                from: string;
                to: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reach"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    simulate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SimulateRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Simulation"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    trials: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    beginTrial: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrialRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    trial: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    stopTrial: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    whoCanReach: {
        parameters: {
            query: {
                service: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhoCanReach"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    reports: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportFrameworks"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    reportKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportKey"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    report: {
        parameters: {
            query?: {
                /** @description The zone that it is about; the whole estate without it. */
                zone?: string;
                /** @description `json` (default), `html` or `md`. */
                format?: "json" | "html" | "md";
            };
            header?: never;
            path: {
                framework: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SealedReport"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    review: {
        parameters: {
            query?: {
                service?: string;
                /** @description With the decided ones too. */
                all?: boolean;
                /** @description The first so many alone; 0 asks only how many wait. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReviewList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReviewRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReviewResult"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    services: {
        parameters: {
            query?: {
                namespace?: string;
                mode?: "learn" | "monitor" | "enforce" | "quarantine";
                /** @description At most this many; all without it. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    service: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceDetail"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    setAutomation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Automation"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceSummary"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    setMode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ModeChange"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceSummary"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    promotion: {
        parameters: {
            query?: {
                /** @description Mode to look ahead to; `enforce` where none is given. */
                to?: "learn" | "monitor" | "enforce" | "quarantine";
            };
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PromotionPreview"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    quarantine: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuarantineRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceSummary"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                namespace: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServiceSummary"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    putSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Settings"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    tokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedToken"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deleteToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    zones: {
        parameters: {
            query?: {
                /** @description Only this zone. */
                zone?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ZoneList"];
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description What is wrong, and what to do */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}
