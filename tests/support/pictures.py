"""Pictures for the tests."""

import base64
import io

from PIL import Image


def draw(colour: str, kind: str = "PNG") -> bytes:
    """Draw a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, kind)
    return file.getvalue()


PIXEL = draw("#ff8800")
INLINE = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
