"""Portuguese words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

PORTUGUESE: dict[Role, str] = {
    "stop": "pare parem parar para_de para_com para_ja para_por_favor basta",
    "end": "deixem deixe deixar deixa cessem cessar recuso oponho sair suspendam interrompam encerrem spam_nao",
    "enough": "chega cansei cansado cansada farto farta suficiente sem_interesse nao_tenho_interesse nao_me_interessa",
    "leave": "descadastr* desinscr* desubscrev* cancelar_inscricao cancele_inscricao cancelar_a_inscricao"
    " me_tirem me_tire me_remova me_removam me_exclua me_excluam me_retirem retire_me retirem_me removam_me"
    " remova_me tirem_me me_deixem_em_paz me_deixe_em_paz deixem_me_em_paz deixe_me_em_paz me_esquece dar_baixa"
    " me_bloqueia me_esquecam nunca_me_cadastrei nunca_me_inscrevi nao_me_cadastrei quero_sair sair_da_lista"
    " bloquei* larguem_me me_larguem",
    "remove": "remova removam remover tire tirem tirar retire retirem retirar retiro exclua excluam excluir"
    " apague apaguem apagar delete deletem deletar eliminem eliminar cancelem cancelar cancele revogo revogar"
    " anular tira desvincular baixa exclusao remocao riscar remov* exclu* apag* delet* retir*",
    "send": "mand{em,e,ar,ando} envi{em,e,ar,ando} escrev{am,a,er,endo} contat{em,e,ar,ando}"
    " contact{em,e,ar,ando} contato ligu{em,e} ligar incomodem perturb{em,e,ar} importunem envio entrem_em_contato"
    " entre_em_contato spammar contatad{o,a} contactad{o,a} ligando chateiem chatear encham encher aborrecam"
    " notifiquem notificar abordem perturbar spamem enviam perturb* importun* incomod*",
    "receive": "receber recebendo recebo",
    "want": "quero queremos desejo desejamos gostaria autorizo interesse aceito pretendo preciso_receber",
    "message": "mensagem mensagens msg msgs mails publicidade propaganda propagandas promocao promocoes oferta"
    " ofertas notificacoes anuncios avisos comunicacoes ligacoes boletim zap textos zaps divulgacao conteudo"
    " novidades informacoes campanhas descontos alertas noticias correio coisas",
    "me": "me mim nos numero dados nome telefone contacto celular telemovel cadastro_meu contato",
    "list": "lista listas base_de_dados cadastro banco_de_dados contatos contactos grupo inscricao subscricao"
    " assinatura consentimento sistema",
    "no": "nao nunca jamais",
    "none": "sem",
    "more": "mais novamente de_novo nada",
    "can": "consigo posso podem pode",
    "keep": "continuem continuar inscrever me_inscrever assinar adoro sigam",
    "ordinary": "onibus autocarro ponto parada voo aviao trem comboio aeroporto estacao quarto cama toalha"
    " toalhas limpeza barulho musica televisao chuveiro agua pingar chover chuva cafe_da_manha pequeno_almoco"
    " jantar almoco comida mesa reserva conta fatura factura recibo frigobar piscina aula massagem passeio praia"
    " mala estacionamento chave elevador varanda cozinha confirmacao espera perguntas recepcao",
    "when": "antes ate quando segunda terca quarta quinta sexta sabado domingo amanha",
    "polite": "por_favor pf pfv pff obrigado obrigada agora ja imediatamente ola oi numero_errado engano"
    " nao_obrigado nao_obrigada atenciosamente cumprimentos abs isso isto gente pelo_amor_de_deus urgente",
    "glue": "eu tu voce voces o a os as um uma uns de do da dos das com que e ou mas lhe meu meus minha minhas"
    " seu seus sua suas vosso vossa vossos vossas esse essa esses essas este estes ser foi com_isso como faco"
    " entrem todos",
    "at": "em no na onde para",
}
