"""The asyncio SDK for Craftkit."""
