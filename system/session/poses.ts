/** The poses of members in the stream: each has its own, as its client tells them, until it leaves. */
import { HeadPose, LeftHandPose, RightHandPose } from '../ecs/components.ts'
import { streamRotation } from '../ecs/rotation.ts'
import type { WriteStore } from '../ecs/store.ts'
import { memberEntity } from '../commands/registry.ts'
import type { AuthorId } from '../ids.ts'
import type { InputPredictiveState } from '../protocol/messages.ts'

export function setPoses(stream: WriteStore, author: AuthorId, { head, left, right }: InputPredictiveState): void {
  const entity = memberEntity(author)
  for (const [component, pose] of [[HeadPose, head], [LeftHandPose, left], [RightHandPose, right]] as const) {
    const { qx, qy, qz, qw } = streamRotation(pose)
    stream.set(entity, component, { x: pose.x, y: pose.y, z: pose.z, qx, qy, qz, qw })
  }
}

export function clearPoses(stream: WriteStore, author: AuthorId): void {
  for (const component of [HeadPose, LeftHandPose, RightHandPose]) stream.delete(memberEntity(author), component)
}
