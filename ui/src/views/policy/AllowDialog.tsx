import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, got } from "../../api/client";
import type { EdgeKey } from "../../api/types";
import { Failure, Skeleton } from "../../look/States";
import { applicationAndPort, peerName, peerShort } from "../../text/words";
import { ApplyDialog } from "./ApplyDialog";

/** "Allow this": the narrowest document that would, its effect shown before it is applied. */
export function AllowDialog({ edge, documents, close }: { edge: EdgeKey; documents?: string | null; close: () => void }) {
  const given = documents ?? undefined;
  const answer = useQuery({
    queryKey: ["allow", edge],
    enabled: given === undefined,
    queryFn: () => got(api.POST("/api/v1/policy/explain", { body: { from: peerName(edge.client), to: peerName(edge.server), protocol: edge.protocol, port: edge.port, application: edge.application } })),
  });
  const title = `Allow ${peerShort(edge.client)} → ${peerShort(edge.server)} ${applicationAndPort(edge)}?`;
  const yaml = given ?? answer.data?.allow_with;
  if (yaml !== undefined && yaml !== null) return <ApplyDialog documents={yaml} title={title} close={close} />;
  return (
    <Modal opened onClose={close} title={title}>
      {answer.isError ? <Failure error={answer.error} /> : answer.data === undefined ? <Skeleton lines={4} /> : <p>{answer.data.sentence}</p>}
    </Modal>
  );
}
