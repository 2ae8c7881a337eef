"""The table of missing photos, each beside the photo that it could be."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QEvent, QItemSelectionModel, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from lmpt_desktop.catalogue.missing import MissingImage
from lmpt_desktop.translation import _, number
from lmpt_desktop.ui.files import missing_texts as texts
from lmpt_desktop.ui.files.missing_model import (
    ROW_ROLE,
    FolderRow,
    MissingColumn,
    MissingModel,
    PhotoRow,
)
from lmpt_desktop.ui.kit import theme
from lmpt_desktop.ui.kit.dialogs import larger
from lmpt_desktop.ui.kit.tables import Index
from lmpt_desktop.ui.kit.texts import photos_text
from lmpt_desktop.ui.kit.thumbnails import ThumbnailLoader

PICTURE_WIDTH, PICTURE_HEIGHT = 144, 108
GAP = 10
TICK = 18
SETTLE_MS = 80
_TICK_POINTS = ((0.25, 0.52), (0.43, 0.70), (0.76, 0.32))


class PairDelegate(QStyledItemDelegate):
    """Paints pictures with a few lines of text, the tick, and rows of folders."""

    def __init__(self, loader: ThumbnailLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = loader

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        # PySide's stubs lack the option's fields.
        area = QRectF(cast(QRect, option.rect))  # pyright: ignore[reportAttributeAccessIssue]
        state = cast(QStyle.StateFlag, option.state)  # pyright: ignore[reportAttributeAccessIssue]
        font = cast(QFont, option.font)  # pyright: ignore[reportAttributeAccessIssue]
        selected = bool(state & QStyle.StateFlag.State_Selected)
        colours = theme.current()
        painter.save()
        painter.setFont(font)
        if selected or isinstance(row, FolderRow):
            # Not antialiased: at 150 % there would be seams between the columns.
            painter.fillRect(area, colours.colour("selection" if selected else "raised"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if isinstance(row, FolderRow):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            _paint_folder(painter, area, row, font)
        elif isinstance(row, PhotoRow):
            line = QRectF(area.left(), area.bottom() - 1, area.width(), 1)
            painter.fillRect(line, colours.colour("border"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            column = MissingColumn(index.column())
            if column is MissingColumn.TICK:
                _paint_tick(painter, area, row)
            elif column is MissingColumn.MISSING:
                self._paint_missing(painter, area, row, font)
            elif column is MissingColumn.MATCH:
                _paint_match(painter, area, row, font)
            else:
                self._paint_found(painter, area, row, font)
        painter.restore()

    def _paint_missing(self, painter: QPainter, area: QRectF, row: PhotoRow, font: QFont) -> None:
        self._paint_picture(painter, area, row.photo.id, row.photo.fingerprint)
        lines = [(row.name, "text"), (texts.given_text(row.photo), "text"), (row.reason, "muted")]
        _paint_lines(painter, area, lines, font)

    def _paint_found(self, painter: QPainter, area: QRectF, row: PhotoRow, font: QFont) -> None:
        if row.found is None:
            text = _("No photo found yet") if row.searched else _("Looking...")
            painter.setPen(theme.current().colour("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            return
        found = row.found
        self._paint_picture(painter, area, found.candidate.image_id, found.fingerprint)
        lines = [(found.name, "text"), (found.inside, "muted")]
        if row.candidates > 1:
            place = _("{place} of {count}").format(
                place=number(row.place + 1), count=number(row.candidates)
            )
            lines.append((f"‹ {place} ›", "muted"))
        if found.candidate.declined:
            lines.append((_("declined"), "warning"))
        _paint_lines(painter, area, lines, font)

    def _paint_picture(
        self, painter: QPainter, area: QRectF, image_id: int, fingerprint: str
    ) -> None:
        frame = _frame(area)
        if not self._loader.paint(painter, image_id, fingerprint, frame):
            failed = self._loader.failure(image_id, fingerprint)
            paint_no_picture(painter, frame, _("No preview kept") if failed else "")


def paint_no_picture(painter: QPainter, frame: QRectF, text: str = "") -> None:
    """A placeholder while a thumbnail is read, or where none is kept, which ``text`` says."""
    colours = theme.current()
    painter.setPen(QPen(colours.colour("border"), 1, Qt.PenStyle.DashLine))
    painter.setBrush(colours.colour("raised"))
    painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    edge = min(32.0, frame.height() / 2)
    box = QRectF(0, 0, edge, edge)
    box.moveCenter(frame.center())
    height = painter.fontMetrics().height()
    if text:
        box.translate(0, -height * 0.6)
    theme.icon("image-missing", "muted").paint(painter, box.toRect())
    if text:
        painter.setPen(colours.colour("muted"))
        line = QRectF(frame.left(), box.bottom() + 4, frame.width(), height)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)


def _frame(area: QRectF) -> QRectF:
    """Where the picture is; in a narrow column there is no room for more."""
    width = min(PICTURE_WIDTH, area.width() - GAP)
    return QRectF(area.left(), area.center().y() - PICTURE_HEIGHT / 2, width, PICTURE_HEIGHT)


def _paint_lines(
    painter: QPainter, area: QRectF, lines: list[tuple[str, str]], font: QFont
) -> None:
    """Lines of text beside the picture; the first is the name, the last may take two lines."""
    colours = theme.current()
    metrics = QFontMetricsF(font)
    line = QRectF(_frame(area).right() + GAP, area.top() + 8, 0, metrics.height())
    line.setRight(area.right() - GAP)
    if line.width() < 24:
        return
    for place, (text, colour) in enumerate(lines):
        if not text:
            continue
        bold = QFont(font)
        bold.setBold(place == 0)
        painter.setFont(bold)
        painter.setPen(colours.colour(colour))
        fits = QFontMetricsF(bold)
        if place and fits.horizontalAdvance(text) > line.width():
            both = QRectF(line)
            both.setHeight(2 * metrics.height() + 1)
            _paint_wrapped(painter, both, text, fits)
            line.translate(0, metrics.height() + 1)
        else:
            elided = fits.elidedText(text, Qt.TextElideMode.ElideMiddle, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, elided)
        line.translate(0, metrics.height() + 3)
        if line.bottom() > area.bottom():
            return


def _paint_wrapped(painter: QPainter, area: QRectF, text: str, metrics: QFontMetricsF) -> None:
    """``text`` in two lines, broken between words, or within a path; the second is elided."""
    cut = len(text)
    while cut > 1 and metrics.horizontalAdvance(text[:cut]) > area.width():
        cut -= 1
    at = max(text.rfind(" ", 0, cut) + 1, text.rfind("/", 0, cut), text.rfind("\\", 0, cut))
    cut = at if at > 0 else cut
    # The end of a path says more than its middle, the beginning of a sentence more than its end.
    is_path = "/" in text or "\\" in text
    mode = Qt.TextElideMode.ElideMiddle if is_path else Qt.TextElideMode.ElideRight
    rest = metrics.elidedText(text[cut:], mode, area.width())
    painter.drawText(area, Qt.AlignmentFlag.AlignLeft, f"{text[:cut].rstrip(' ')}\n{rest}")


def _paint_folder(painter: QPainter, area: QRectF, row: FolderRow, font: QFont) -> None:
    colours = theme.current()
    metrics = QFontMetricsF(font)
    icon = QRectF(area.left() + GAP, area.center().y() - 8, 16, 16)
    theme.icon("folder", "muted").paint(painter, icon.toRect())
    count = photos_text(row.photos)
    line = area.adjusted(GAP + 24, 0, -GAP, 0)
    middle = Qt.AlignmentFlag.AlignVCenter
    room = line.width() - metrics.horizontalAdvance(count) - GAP
    text = metrics.elidedText(str(row.location), Qt.TextElideMode.ElideMiddle, room)
    painter.setPen(colours.colour("text"))
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, text)
    painter.setPen(colours.colour("muted"))
    line.setLeft(line.left() + metrics.horizontalAdvance(text) + GAP)
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, count)


def _paint_match(painter: QPainter, area: QRectF, row: PhotoRow, font: QFont) -> None:
    """The likeness in large, an arrow, and why the photo is offered."""
    if row.found is None:
        return
    colours = theme.current()
    candidate = row.found.candidate
    likeness = texts.likeness_text(candidate)
    large = larger(font, 1.3)
    large.setBold(True)
    metrics, height = QFontMetricsF(font), QFontMetricsF(large).height()
    kind = texts.kind_text(candidate.kind)
    wraps = metrics.horizontalAdvance(kind) > area.width() - GAP
    block = height + (2 if wraps else 1) * metrics.height() + 22
    line = QRectF(area.left(), area.center().y() - block / 2, area.width() - GAP, height)
    painter.setFont(large)
    painter.setPen(colours.colour("text" if likeness else "muted"))
    painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, likeness or "?")
    arrow = QRectF(line.center().x() - 22, line.bottom() + 4, 44, 12)
    _paint_arrow(painter, arrow)
    painter.setFont(font)
    painter.setPen(colours.colour("muted"))
    below = QRectF(line.left(), arrow.bottom() + 4, line.width(), 2 * metrics.height() + 2)
    painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, kind)


def _paint_arrow(painter: QPainter, area: QRectF) -> None:
    pen = QPen(theme.current().colour("muted"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    tip = QPointF(area.right(), area.center().y())
    painter.drawLine(QPointF(area.left(), tip.y()), tip)
    painter.drawLine(tip + QPointF(-5, -5), tip)
    painter.drawLine(tip + QPointF(-5, 5), tip)


def _paint_tick(painter: QPainter, area: QRectF, row: PhotoRow) -> None:
    if row.found is None:
        return
    colours = theme.current()
    box = QRectF(0, 0, TICK, TICK)
    box.moveCenter(area.center())
    painter.setPen(QPen(colours.colour("accent" if row.ticked else "muted"), 1.5))
    painter.setBrush(colours.colour("accent" if row.ticked else "surface"))
    painter.drawRoundedRect(box, 4, 4)
    if not row.ticked:
        return
    pen = QPen(colours.colour("on_accent"), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    points = [QPointF(box.left() + x * TICK, box.top() + y * TICK) for x, y in _TICK_POINTS]
    painter.drawPolyline(QPolygonF(points))


class MissingTable(QTableView):
    """Space ticks, D declines, Left and Right show other candidates, Enter accepts."""

    photo_shown = Signal(object)
    """The :class:`MissingImage` of the current row, or None."""
    accepted = Signal()
    """Enter was pressed."""
    declined = Signal()
    """D was pressed."""

    def __init__(
        self, model: MissingModel, loader: ThumbnailLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("missing-photos")
        self.setAccessibleName(_("Missing photos"))
        self._model = model
        self._loader = loader
        self.setItemDelegate(PairDelegate(loader, self))
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.setStyleSheet(
            "QHeaderView::section { padding: 4px 0; border: none; background: palette(button);"
            " border-bottom: 1px solid palette(mid); }"
        )
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(TICK)
        for column, mode in (
            (MissingColumn.TICK, QHeaderView.ResizeMode.Fixed),
            (MissingColumn.MISSING, QHeaderView.ResizeMode.Stretch),
            (MissingColumn.MATCH, QHeaderView.ResizeMode.Fixed),
            (MissingColumn.FOUND, QHeaderView.ResizeMode.Stretch),
        ):
            header.setSectionResizeMode(column, mode)
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._lay_out_rows)
        model.candidates_changed.connect(self._repaint)
        self._kept = (-1, 0)
        """The missing image in the current row, and the row, before the model was reset."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._drop_unseen)
        self.verticalScrollBar().valueChanged.connect(self._settle.start)
        loader.loaded.connect(self._repaint)
        theme.manager().changed.connect(self._repaint)
        self._fit()

    # -------------------------------------------------------------------------- asking

    def current_photo(self) -> MissingImage | None:
        return self._model.photo_at(self.currentIndex().row())

    def chosen_photos(self) -> list[MissingImage]:
        """The photos of the selected rows; of a folder's row all in it."""
        rows: list[int] = []
        for part in self.selectionModel().selection().toList():
            rows += range(part.top(), part.bottom() + 1)
        return self._model.photos_in(sorted(set(rows)))

    def show_photo(self, image_id: int) -> None:
        """Make this photo the current one."""
        row = self._model.row_of(image_id)
        if row >= 0:
            self._select(row)

    # -------------------------------------------------------------------------- layout

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        rows = self.verticalHeader()
        height = max(PICTURE_HEIGHT + 16, 5 * (metrics.height() + 3) + 12)
        if rows.defaultSectionSize() != height:
            rows.setDefaultSectionSize(height)
        self.verticalScrollBar().setSingleStep(height // 4)
        header = self.horizontalHeader()
        header.resizeSection(MissingColumn.TICK, TICK + 2 * GAP)
        header.resizeSection(MissingColumn.MATCH, metrics.horizontalAdvance("m" * 10) + 2 * GAP)

    def _remember(self) -> None:
        photo = self.current_photo()
        self._kept = (-1 if photo is None else photo.id, self.currentIndex().row())

    def _lay_out_rows(self) -> None:
        self._fit()
        self.clearSpans()
        height = self.fontMetrics().height() + 14
        for row in self._model.folder_rows():
            self.setSpan(row, 0, 1, len(MissingColumn))
            self.verticalHeader().resizeSection(row, height)
        count = self._model.rowCount()
        image_id, row = self._kept
        found = self._model.row_of(image_id)
        if count:
            # Where the photo has gone from the list, the next one is the current one.
            row = found if found >= 0 else min(max(row, 1), count - 1)
            self._select(row if self._model.photo_at(row) is not None else min(row + 1, count - 1))
        else:
            self.photo_shown.emit(None)

    def _select(self, row: int) -> None:
        index = self._model.index(row, MissingColumn.MISSING)
        self.selectionModel().setCurrentIndex(
            index,
            QItemSelectionModel.SelectionFlag.ClearAndSelect
            | QItemSelectionModel.SelectionFlag.Rows,
        )
        self.scrollTo(index)

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)  # pyright: ignore[reportArgumentType]
        self.photo_shown.emit(self.current_photo())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_kept"):
            self._lay_out_rows()

    # ---------------------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        photo = self.current_photo()
        key = event.key()
        plain = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        if plain and key == Qt.Key.Key_Space:
            self._model.toggle(self.chosen_photos())
        elif plain and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        elif plain and key == Qt.Key.Key_D:
            self.declined.emit()
        elif plain and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            if photo is not None:
                self._model.cycle(photo.id, 1 if key == Qt.Key.Key_Right else -1)
        elif plain and key in (Qt.Key.Key_Home, Qt.Key.Key_End) and self._model.rowCount():
            # Within a row there is nowhere to go.
            self._select(0 if key == Qt.Key.Key_Home else self._model.rowCount() - 1)
        elif event.text().strip() and plain:
            event.ignore()  # a table would search every row for what is typed
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        photo = self._model.photo_at(index.row()) if index.isValid() else None
        if (
            photo is not None
            and index.column() == MissingColumn.TICK
            and event.button() == Qt.MouseButton.LeftButton
        ):
            self._model.toggle([photo])
            return
        super().mousePressEvent(event)

    def _drop_unseen(self) -> None:
        top = self.rowAt(0)
        bottom = self.rowAt(self.viewport().height() - 1)
        last = bottom if bottom >= 0 else self._model.rowCount() - 1
        seen: list[int] = []
        for photo in self._model.photos_in(range(max(top, 0), last + 1)):
            seen.append(photo.id)
            seen += [item.image_id for item in self._model.candidates_of(photo.id)]
        if (current := self.current_photo()) is not None:
            seen.append(current.id)
            seen += [item.image_id for item in self._model.candidates_of(current.id)]
        self._loader.keep_only(seen)

    def _repaint(self, *_: object) -> None:
        self.viewport().update()
