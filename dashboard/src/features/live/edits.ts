// Changes to a player, one after the other, each based on the newest revision this page knows.
//
// Invariant: two changes of this page never race for one revision. A refusal is handed to whoever asked, and the record is
// read again when somebody else was faster.

import { useQueryClient } from '@tanstack/vue-query'
import { type Ref, ref, shallowRef } from 'vue'

import { asRefusal, type Refusal } from '@/api/http'
import type { MergePatch } from '@/api/mergePatch'
import { addRule, patchPlayer, readPlayer, removeRule } from '@/api/rig'
import type { PlayerRecord, Rule, ShapeControl } from '@/api/schema'

import { keys, storePlayer } from './players'

export function usePlayerEdits(playerId: Ref<string>) {
  const client = useQueryClient()
  let tail: Promise<unknown> = Promise.resolve()

  function enqueue<T>(change: (id: string, revision: string) => Promise<T>): Promise<T> {
    const run = async () => {
      const id = playerId.value
      const known = client.getQueryData<PlayerRecord>(keys.player(id)) ?? (await readPlayer(id))
      try {
        return await change(id, known.control_revision)
      } catch (error) {
        if ([404, 412].includes(asRefusal(error).status)) await client.invalidateQueries({ queryKey: keys.player(id) })
        throw error
      }
    }
    const result = tail.then(run, run)
    tail = result.catch(() => undefined)
    return result
  }

  /** Reads what the rig made of a change whose answer is not the whole record. */
  async function reread(id: string): Promise<void> {
    storePlayer(client, await readPlayer(id), true)
  }

  return {
    /** Changes the link by what the patch names. */
    setShape: (shape: MergePatch<ShapeControl>) =>
      enqueue(async (id, revision) => {
        storePlayer(client, await patchPlayer(id, revision, { shape }), true)
      }),
    addRule: (rule: Rule) =>
      enqueue(async (id, revision) => {
        const added = await addRule(id, revision, rule)
        await reread(id)
        return added.body
      }),
    removeRule: (ruleId: string) =>
      enqueue(async (id, revision) => {
        await removeRule(id, revision, ruleId)
        await reread(id)
      }),
  }
}

export type PlayerEdits = ReturnType<typeof usePlayerEdits>

/** A change on its way: whether it is, and what came of the last one. */
export function useAttempt() {
  const busy = ref(false)
  const refused = shallowRef<Refusal>()

  async function attempt(change: () => Promise<unknown>): Promise<boolean> {
    busy.value = true
    refused.value = undefined
    try {
      await change()
      return true
    } catch (error) {
      refused.value = asRefusal(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, refused, attempt }
}
