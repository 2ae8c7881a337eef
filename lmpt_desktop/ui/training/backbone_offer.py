"""Offers a better backbone, once and quietly, to who still uses Lite."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject

from lmpt_desktop.engine.backbone_offer import BackboneOffer, BackboneOffered
from lmpt_desktop.engine.encoding.backbones import lite_plus_gain
from lmpt_desktop.engine.notices import ActivityChanged, ActivityKind
from lmpt_desktop.settings import BACKBONE_OFFER_ANSWERED, LITE_PLUS_OFFER_ANSWERED
from lmpt_desktop.translation import _, decimal, number
from lmpt_desktop.ui.kit.tasks import Task
from lmpt_desktop.ui.kit.texts import duration, file_size, photos_text
from lmpt_desktop.ui.shell.context import OpenLibrary, ShellContext
from lmpt_desktop.ui.shell.notifications import Notification
from trainer.suggested import LITE_PLUS

log = logging.getLogger(__name__)


def metered() -> bool:
    """Whether the network is one where every byte costs, as far as the system says."""
    from PySide6.QtNetwork import QNetworkInformation  # noqa: PLC0415 - most never need it

    if not QNetworkInformation.loadDefaultBackend():
        return False
    network = QNetworkInformation.instance()
    return network is not None and network.isMetered()


class OfferedBackbone(QObject):
    """Has an offer looked for, unless one was answered on this computer, and shows it.

    Exists as long as the pages of its library.
    """

    def __init__(self, context: ShellContext, library: OpenLibrary) -> None:
        super().__init__(library.pages)
        self._context = context
        self._session = library.session
        self.note: Notification | None = None
        self._answer = BACKBONE_OFFER_ANSWERED
        library.bridge.on(BackboneOffered, self._offered)
        library.bridge.on(ActivityChanged, self._activity_changed)
        if not context.settings.get(BACKBONE_OFFER_ANSWERED):
            bundled = not context.settings.get(LITE_PLUS_OFFER_ANSWERED)
            self._session.offers.look(bundled=bundled)

    def _offered(self, notice: BackboneOffered) -> None:
        offer = notice.offer
        bundled = offer.info.name == LITE_PLUS
        self._answer = LITE_PLUS_OFFER_ANSWERED if bundled else BACKBONE_OFFER_ANSWERED
        if self._context.settings.get(self._answer):
            return
        if not bundled and metered():
            log.info("no backbone is offered on a metered network")
            return
        note = self.note = self._context.notifications.notify(
            _("A better backbone for this computer"),
            offer_text(offer),
            details_text(offer),
            colour="accent",
        )
        note.add_button(_("Use it"), lambda: self._use(offer.info.name), place=0)
        note.add_button(_("Not now"), self._answered, place=1)
        note.close_button.clicked.connect(self._remember)

    def _use(self, name: str) -> None:
        self._answered()
        Task(
            lambda: self._session.model.set_backbone(name),
            failed=self._context.report_failure,
            owner=self,
        )

    def _answered(self) -> None:
        self._remember()
        self._context.notifications.dismiss(self.note)
        self.note = None

    def _remember(self) -> None:
        self._context.settings.set(self._answer, True)

    def _activity_changed(self, notice: ActivityChanged) -> None:
        """The user has chosen a backbone elsewhere."""
        if self.note is not None and notice.activity.kind is ActivityKind.CHANGE:
            self._answered()


def offer_text(offer: BackboneOffer) -> str:
    """What is offered, what it gains, and what it costs on this computer."""
    return f"{_gain_text(offer)}\n{_speed_text(offer)}"


def _gain_text(offer: BackboneOffer) -> str:
    info, compared = offer.info, offer.compared
    if info.name == LITE_PLUS:
        what = _("{title} is Lite on larger pictures: it finds small things better.").format(
            title=info.title
        )
        return f"{what} {lite_plus_gain()}".rstrip()
    cost = _("{licence} licence").format(licence=info.licence)
    if not info.available:
        cost = _("{size} to download, {licence}").format(
            size=file_size(info.download_bytes), licence=cost
        )
    what = _("{title} ({cost}) is a far larger model than Lite.").format(
        title=info.title, cost=cost
    )
    gain = _(
        "According to its authors it names {share} of ImageNet's photos right without training; "
        "{other} names {other_share}."
    ).format(
        share=_share(info.imagenet), other=compared.title, other_share=_share(compared.imagenet)
    )
    return f"{what} {gain}"


def _speed_text(offer: BackboneOffer) -> str:
    return _(
        "Measured here on {measured}: {rate} a second, Lite {lite_rate}. Your {photos} would take "
        "{time}, in the background; Lite predicts until that is done."
    ).format(
        measured=photos_text(offer.measured),
        rate=_rate(offer.rate),
        lite_rate=_rate(offer.lite_rate),
        photos=photos_text(offer.photos),
        time=duration(offer.seconds),
    )


def details_text(offer: BackboneOffer) -> str:
    """Where the figures come from."""
    if offer.info.name == LITE_PLUS:
        return _(
            "The speed was measured on {device}; the time for all photos is estimated from it. "
            "Other programs slow it down. {title} needs no download. With a network, better "
            "backbones can be downloaded. Every backbone stays available under Model > Backbone."
        ).format(device=offer.device, title=offer.info.title)
    return _(
        "The speed was measured on {device} with random weights, which take as long as the real "
        "ones; the time for all photos is estimated from it. Other programs slow it down. Lite has "
        "no published accuracy on ImageNet; it is a far smaller model. Sources: {source}; {other}. "
        "Every backbone stays available under Model > Backbone."
    ).format(device=offer.device, source=offer.info.source, other=offer.compared.source)


def _share(percent: float | None) -> str:
    # Not to be broken at the end of a line.
    return _("{0} %").format(decimal(percent or 0.0)).replace(" ", "\u00a0")


def _rate(photos_per_second: float) -> str:
    digits = 1 if photos_per_second < 20 else 0
    return decimal(photos_per_second, digits) if digits else number(round(photos_per_second))
