import { Button, CopyButton, Modal, Select, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, got } from "../../api/client";
import { tokens as tokensQuery } from "../../api/queries";
import type { Role, Token } from "../../api/types";
import { failed, notice } from "../../app/notices";
import { useNow } from "../../app/now";
import { Failure, Skeleton } from "../../look/States";
import { plural } from "../../text/numbers";
import { ago, full } from "../../text/times";

export function Tokens() {
  const { data, error } = useQuery(tokensQuery);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState<string>("90");
  const [secret, setSecret] = useState<string>();
  const [revoking, setRevoking] = useState<Token>();
  const client = useQueryClient();
  const now = useNow();
  const again = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const create = () => {
    got(api.POST("/api/v1/tokens", { body: { name: name.trim(), role, ...(days === "" ? {} : { expires_in_seconds: Number(days) * 86_400 }) } })).then((made) => {
      setSecret(made.secret);
      setName("");
      void again();
    }, failed);
  };
  const revoke = (token: Token) => {
    got(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })).then(() => {
      notice(`${token.name} is revoked, and every session made from it.`);
      setRevoking(undefined);
      void again();
    }, failed);
  };
  if (data === undefined) return error === null ? <Skeleton lines={6} /> : <Failure error={error} />;
  return (
    <>
      <section className="card">
        <header><h3>New token</h3></header>
        <form className="body form" onSubmit={(event) => { event.preventDefault(); create(); }}>
          <p className="t2">Each user, person or pipeline, has one: its name is in the audit log. A viewer sees everything and changes nothing; a proposer proposes changes as well; an operator changes modes, policies and quarantine; an admin all.</p>
          <TextInput label="Name" required maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Select label="Role" data={["viewer", "proposer", "operator", "admin"]} value={role} allowDeselect={false} onChange={(value) => setRole(value as Role)} />
          <Select label="Expires" data={[{ value: "1", label: "in a day" }, { value: "30", label: "in 30 days" }, { value: "90", label: "in 90 days" }, { value: "365", label: "in a year" }, { value: "", label: "never" }]} value={days} allowDeselect={false} onChange={(value) => setDays(value ?? "")} />
          <div className="form-end"><Button type="submit" variant="filled" disabled={name.trim() === ""}>Create</Button></div>
        </form>
      </section>
      <section className="card">
        <header><h3>Tokens</h3><span className="t2">{plural(data.items.length, "token")}</span></header>
        <div className="table-wrap"><table>
          <thead><tr><th>Name</th><th>Role</th><th>Created</th><th>Last used</th><th>Expires</th><th /></tr></thead>
          <tbody>{data.items.map((token) => (
            <tr key={token.id}><td><b>{token.name}</b></td><td>{token.role}</td><td className="t2">{full(token.created)} by {token.created_by}</td><td className="t2">{token.last_used === null || token.last_used === undefined ? "never" : ago(token.last_used, now)}</td><td className="t2">{token.expires === null || token.expires === undefined ? "never" : full(token.expires)}</td><td className="right"><button type="button" className="link" onClick={() => setRevoking(token)}>Revoke</button></td></tr>
          ))}</tbody>
        </table></div>
      </section>
      <Modal opened={secret !== undefined} onClose={() => setSecret(undefined)} title="The new token">
        <div className="dialog"><p className="t2">It is shown this once; only its hash is stored.</p><pre className="mono-box" tabIndex={0}>{secret}</pre><div className="actions"><CopyButton value={secret ?? ""}>{({ copied, copy }) => <Button variant="filled" onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}</CopyButton><Button variant="default" onClick={() => setSecret(undefined)}>Done</Button></div></div>
      </Modal>
      <Modal opened={revoking !== undefined} onClose={() => setRevoking(undefined)} title={`Revoke ${revoking?.name ?? ""}?`}>
        <div className="dialog"><p className="t2">It ends at once, and every session made from it.</p><div className="actions"><Button variant="filled" onClick={() => revoking !== undefined && revoke(revoking)}>Revoke</Button><Button variant="default" onClick={() => setRevoking(undefined)}>Cancel</Button></div></div>
      </Modal>
    </>
  );
}
