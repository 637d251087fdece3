"""One Craftkit project, and so one key, per customer: all of them share connections, limits and webhooks.

    CRAFTKIT_ACCOUNT_KEY=ck_acct_… python examples/many_projects.py

It makes a project for each customer. Without an account key it does so on a local Craftkit (extra `emulator`).
"""

import asyncio
import os
from contextlib import AsyncExitStack

from craftkit_async import Craftkit, CraftkitAccount, Manifest, Render, Variable

CUSTOMERS = ["Acme", "Northwind", "Umbra"]

WELCOME = Manifest(variables=(Variable("name", "Name", "text"),))


async def main() -> None:
    """Give each customer a project, and render for all of them at once."""
    async with AsyncExitStack() as stack:
        account, craftkit = await find_service(stack)
        keys = {customer: await make_project(account, customer) for customer in CUSTOMERS}
        async with asyncio.TaskGroup() as group:
            renders = {
                customer: group.create_task(welcome(craftkit.with_api_key(key), customer))
                for customer, key in keys.items()
            }
        for customer, task in renders.items():
            print(f"{customer}: {task.result().id} {task.result().status}")
        print(f"renders of all customers together: {craftkit.statistics().submitted}")


async def make_project(account: CraftkitAccount, customer: str) -> str:
    """Make a project and its key, which is shown only now: a real backend stores it, encrypted, with the customer."""
    project = await account.projects.create(customer)
    return (await account.projects.create_key(project.id)).key


async def welcome(craftkit: Craftkit, customer: str) -> Render:
    """Do for one customer what its own client is for; a child costs next to nothing and needs no closing."""
    await craftkit.templates.put("welcome", name="Welcome", manifest=WELCOME, only_if_changed=True)
    return await craftkit.render("welcome", {"name": customer})


async def find_service(stack: AsyncExitStack) -> tuple[CraftkitAccount, Craftkit]:
    """Return clients of the service, or of a local one where there is no key; the second has no key of its own."""
    account, craftkit = CraftkitAccount(), Craftkit()
    if not os.environ.get("CRAFTKIT_ACCOUNT_KEY"):
        from craftkit_async.emulator import Emulator  # noqa: PLC0415 - only needed without a key

        emulator = await stack.enter_async_context(Emulator())
        print(f"a local Craftkit answers at {emulator.url}")
        account = CraftkitAccount(emulator.account_key, base_url=emulator.url)
        craftkit = Craftkit(base_url=emulator.url)
    return await stack.enter_async_context(account), await stack.enter_async_context(craftkit)


if __name__ == "__main__":
    asyncio.run(main())
